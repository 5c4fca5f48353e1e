"""Makes the users of a run over HTTP: each with a funded wallet that pays into its neighbour's."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from pydantic import SecretStr

from contracts.money import MAX_AMOUNT
from ledgerlink_client import LedgerLink
from ops.bench.load import Payer

CURRENCY = "EUR"
AT_A_TIME = 4
PASSWORD_SUFFIX = "correct-horse-battery"  # noqa: S105 - of users that live as long as the run


async def make_payers(
    gateway: LedgerLink, operator: tuple[str, SecretStr], number: int, advance: Callable[[], None]
) -> list[Payer]:
    """Register, log in, open and fund; `advance` is called after each. Raises LedgerLinkError."""
    funder = await gateway.login(operator[0], operator[1].get_secret_value())
    turns = asyncio.Semaphore(AT_A_TIME)

    async def make() -> tuple[str, str]:
        async with turns:
            session = await gateway.register_and_login(
                f"{uuid4().hex}@bench.example", f"{uuid4().hex}{PASSWORD_SUFFIX}"
            )
            wallet = await session.wallets.open(CURRENCY)
            await funder.wallets.top_up(wallet.id, MAX_AMOUNT // 1000, CURRENCY)
            advance()
            return session.tokens.access_token, str(wallet.id)

    made = await asyncio.gather(*(make() for _ in range(number)))
    return [
        Payer(token, wallet, pays_to, payee_token, CURRENCY)
        for (token, wallet), (payee_token, pays_to) in zip(made, made[1:] + made[:1], strict=True)
    ]
