"""One of every request that moves money, each under a key of its own, and what each moves."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from tests.people import CURRENCY, Customer

DEFINITE = frozenset({200, 201})
NOT_YET = frozenset({202, 409, 429, 503})  # "the same key again, in a moment"
PAUSE = 0.2
PATIENCE = 90.0


@dataclass(frozen=True)
class MoneyRequest:
    """A POST under one key, which adds to the balances of wallets as `moves` says, in minor units."""

    path: str
    body: dict[str, Any]
    bearer: dict[str, str]
    moves: dict[UUID, int]
    key: str = field(default_factory=lambda: f"money-{new_id()}")

    async def send(self, http: httpx.AsyncClient) -> httpx.Response:
        """Send it once."""
        return await http.post(self.path, json=self.body, headers=self.bearer | {"Idempotency-Key": self.key})

    async def insist(self, http: httpx.AsyncClient) -> httpx.Response:
        """Repeat it under its key until it is carried out: through broken connections, and while nobody knows yet."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = await self.send(http)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                problem = repr(error)
            else:
                if answer.status_code in DEFINITE:
                    return answer
                problem = f"{answer.status_code} {answer.text}"
                assert answer.status_code in NOT_YET, f"{self.path}: {problem}"
            assert time.monotonic() < end, f"{self.path} is not carried out after {PATIENCE} s: {problem}"
            await asyncio.sleep(PAUSE)


async def money_requests(
    http: httpx.AsyncClient, operator: LedgerLink, payer: Customer, payee: Customer
) -> list[MoneyRequest]:
    """Return one of each kind. What some of them build on is done here: a hold, a transfer, a payment."""
    keeper = {"Authorization": f"Bearer {operator.tokens.access_token}"}
    ends = {"debit_account": str(payer.wallet), "credit_account": str(payee.wallet), "currency": CURRENCY}
    wallets = {"source_wallet": str(payer.wallet), "destination_wallet": str(payee.wallet), "currency": CURRENCY}
    payment = wallets | {"confirm": True}

    def paid(amount: int) -> dict[UUID, int]:
        return {payer.wallet: -amount, payee.wallet: amount}

    async def done(path: str, body: dict[str, Any], bearer: dict[str, str]) -> str:
        return str((await MoneyRequest(path, body, bearer, {}).insist(http)).json()["id"])

    hold = await done("/v1/holds", ends | {"amount": 100, "expires_in": 3600}, keeper)
    transfer = await done("/v1/transfers", ends | {"amount": 100}, keeper)
    intent = await done("/v1/payment_intents", payment | {"amount": 100}, payer.bearer)
    return [
        MoneyRequest(
            f"/v1/wallets/{payee.wallet}/top_ups", {"amount": 7, "currency": CURRENCY}, keeper, {payee.wallet: 7}
        ),
        MoneyRequest("/v1/transfers", ends | {"amount": 11}, keeper, paid(11)),
        MoneyRequest("/v1/holds", ends | {"amount": 13, "expires_in": 3600}, keeper, {}),
        MoneyRequest(f"/v1/holds/{hold}/captures", {"amount": 17}, keeper, paid(17)),
        MoneyRequest(f"/v1/transfers/{transfer}/reversals", {"amount": 19}, keeper, paid(-19)),
        MoneyRequest("/v1/payment_intents", payment | {"amount": 23}, payer.bearer, paid(23)),
        MoneyRequest("/v1/refunds", {"payment_intent": intent, "amount": 29}, payee.bearer, paid(-29)),
        MoneyRequest("/v1/journals", {"legs": [ends | {"kind": "transfer", "amount": 31}]}, keeper, paid(31)),
    ]


def moved(before: dict[UUID, int], requests: list[MoneyRequest]) -> dict[UUID, int]:
    """Return what the balances are when each request has had its effect once."""
    after = Counter(before)
    for request in requests:
        for wallet, amount in request.moves.items():
            after[wallet] += amount
    return dict(after)
