"""A stack of its own whose customers pay without pause while things happen to it, and what must hold afterwards."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.books import at_rest, balances_of, intents_of, prove, transfers_of
from tests.payment_stream import Payment, PaymentStream
from tests.people import Customer, log_operator_in, new_customer
from tests.streams import lengths

PAYERS = 8
FUNDS = 100_000_000
ASKED_AGAIN = 20
BEFORE, AFTER = 40, 40  # payments answered before something happens, and payments begun after it that must be too


@dataclass(frozen=True)
class Town:
    """A durable stack, its operator, the customers who pay, and the one who is paid."""

    stack: Stack
    operator: LedgerLink
    payers: list[Customer]
    payee: Customer

    def stream(self) -> PaymentStream:
        """Return a stream of payments, not yet flowing."""
        return PaymentStream(self.stack.url, self.payers, self.payee)

    async def balances(self) -> dict[UUID, int]:
        """Return everybody's balance."""
        return await balances_of(self.stack, [c.wallet for c in (*self.payers, self.payee)])


@asynccontextmanager
async def open_town(directory: Path) -> AsyncIterator[Town]:
    """Start one."""
    async with Stack(directory) as stack, LedgerLink(stack.url) as gateway:
        operator = await log_operator_in(stack, gateway)
        payers = await asyncio.gather(*(new_customer(gateway, operator, FUNDS) for _ in range(PAYERS)))
        yield Town(stack, operator, payers, await new_customer(gateway, operator))


async def check(town: Town, stream: PaymentStream, before: dict[UUID, int]) -> None:
    """Compare what the customers were told with what is stored, and with what they are told when they ask again."""
    payments = stream.payments
    await at_rest(town.stack)
    await prove(town.stack)
    assert (await lengths(town.stack))["DEAD_LETTERS"] == 0, "a crash is no fault of a message"
    stored = await intents_of(town.stack, [payment.key for payment in payments])
    assert {key: len(rows) for key, rows in stored.items()} == dict.fromkeys(stored, 1), "one intent a key"
    for payment in payments:
        (row,) = stored[payment.key]
        assert (str(row.id), row.state, row.amount) == (payment.intent, payment.status, payment.amount)
    succeeded = [payment for payment in payments if payment.succeeded]
    transfers = await transfers_of(town.stack, [row.id for rows in stored.values() for row in rows])
    assert transfers == Counter(UUID(payment.intent) for payment in succeeded), "one transfer a succeeded payment"
    assert await town.balances() == _expected(before, succeeded, town.payee)
    assert {payment.status for payment in payments} == {"succeeded", "requires_payment_method"}
    await stream.ask_again([payment for payment in payments if payment.had_trouble][:ASKED_AGAIN])
    assert await town.balances() == _expected(before, succeeded, town.payee)


def _expected(before: dict[UUID, int], succeeded: Iterable[Payment], payee: Customer) -> dict[UUID, int]:
    balances = dict(before)
    for payment in succeeded:
        balances[payment.payer.wallet] -= payment.amount
        balances[payee.wallet] += payment.amount
    return balances
