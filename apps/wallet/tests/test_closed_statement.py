"""The statement of a closed period is the same for ever: what it was once is committed beside the tests."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson

from apps.wallet.handlers.change_accounts import ChangeCommand, change_accounts
from apps.wallet.queries import get_statement
from apps.wallet.tests.bank import Bank, code, envelope, idempotency
from apps.wallet.tests.past import Past, Wish
from apps.wallet.tests.test_close_periods import close, closing
from contracts.ids import new_id
from contracts.message import Reply, decode
from contracts.wallet import ChangeAccount, Direction, FreezeAccount, GetStatement, Limits
from outbox.database import Database
from outbox.responder import Responder

GOLDEN = Path(__file__).parents[3] / "tests" / "golden_statement" / "statement.json"
STARTS_AT, ENDS_AT = (datetime.fromisoformat(f"2026-0{month}-01T00:00:00Z") for month in (1, 2))
WALLET, SHOP, BANK = (UUID(f"01990f3e-6a00-7b11-8c22-3d33e44f550{n}") for n in (1, 2, 3))
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def _january(past: Past) -> None:
    """Sixty transfers in the order in which they were recorded; each seventh is dated back by two days and a bit."""
    for account in (WALLET, SHOP, BANK):
        await past.account(account=account)
    await past.post(STARTS_AT - DAY, [Wish(BANK, WALLET, 123_456, transfer=_transfer(0))])
    moment = STARTS_AT
    for number in range(1, 60):
        moment += timedelta(hours=12, minutes=number, microseconds=number % 3 * 1_000 * number)
        effective = moment - 2 * DAY - MINUTE if number % 7 == 0 else None
        debit, credit = (BANK, WALLET) if number % 4 == 0 else (WALLET, SHOP)
        await past.post(moment, [Wish(debit, credit, 77 * number**2, effective, transfer=_transfer(number))])


def _transfer(number: int) -> UUID:
    return UUID(f"01990f3e-7c30-7d44-9e55-5f66a77b{number:04d}")


async def _pages(database: Database) -> list[dict[str, object]]:
    """Return the pages as the wallet service answers them."""
    responder, pages, cursor = Responder(GetStatement, get_statement, database, "wallet"), [], None
    while True:
        asked = GetStatement(account_id=WALLET, starts_at=STARTS_AT, ends_at=ENDS_AT, limit=25, cursor=cursor)
        reply = decode(await responder.respond(envelope(asked).encode()), Reply).data
        pages.append(dict(reply.resource))
        if (cursor := reply.resource.get("next_cursor")) is None:
            return pages


async def test_the_statement_of_a_closed_period_never_changes(bank: Bank, database: Database) -> None:
    past = Past(database)
    await _january(past)
    before = await _pages(database)
    assert [page["closed"] for page in before] == [False] * 3
    assert [code(reply) for reply in await close(bank, closing(ENDS_AT))] == ["completed"]
    closed = orjson.dumps(await _pages(database), option=orjson.OPT_INDENT_2) + b"\n"
    assert closed == GOLDEN.read_bytes()
    assert [line for page in before for line in page["lines"]] == [  # type: ignore[attr-defined]
        line for page in orjson.loads(closed) for line in page["lines"]
    ]

    await past.post(
        ENDS_AT + DAY, [Wish(WALLET, SHOP, 1), Wish(SHOP, WALLET, 2, ENDS_AT), Wish(WALLET, BANK, 3, ENDS_AT)]
    )
    changes: list[ChangeCommand] = [
        ChangeAccount(
            account_id=WALLET,
            limits=Limits(floor=-(10**9), ceiling=10**9),
            metadata={"name": "Ann's"},
            external_id="elsewhere",
            changed_by=new_id(),
            reason="Asked for",
            idempotency=idempotency(),
        ),
        FreezeAccount(
            account_id=WALLET, direction=Direction.BOTH, changed_by=new_id(), reason="Court", idempotency=idempotency()
        ),
    ]
    async with bank.transactions.begin() as tx:
        await change_accounts(tx, [envelope(change) for change in changes])
    await close(bank, closing(ENDS_AT + DAY))
    assert orjson.dumps(await _pages(database), option=orjson.OPT_INDENT_2) + b"\n" == closed
