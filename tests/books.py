"""What the databases say once everything has come to rest, and whether it adds up."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from apps.payments.audit import audit as audit_payments
from apps.wallet.audit import audit as audit_ledger
from contracts.topology import SERVICES
from ops.stack.inspection import inspect
from ops.stack.stack import Stack
from outbox.database import Reads
from tests.waiting import eventually

CONNECT_SECONDS = 5.0
REST_SECONDS = 60.0

_INTENTS = "SELECT id, description, state, amount FROM payment_intent WHERE description = ANY ($1::text[])"
_TRANSFERS = "SELECT reference FROM transfer WHERE reference = ANY ($1::uuid[])"
_BALANCES = "SELECT id, balance FROM account WHERE id = ANY ($1::uuid[])"

_WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'outbox'::regclass AND NOT granted"


@dataclass(frozen=True)
class IntentRow:
    """A payment intent as it is stored."""

    id: UUID
    key: str
    state: str
    amount: int


@asynccontextmanager
async def database_of(stack: Stack, service: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Lend a connection to a service's database under its owner."""
    connection = await asyncpg.connect(stack.parts.postgres.owner_url(service), timeout=CONNECT_SECONDS)
    try:
        yield connection
    finally:
        connection.terminate()  # also when the server is gone by now; what was not committed is rolled back


@asynccontextmanager
async def commits_held(stack: Stack, service: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Let no transaction of a service commit that has something to say; yield how to wait until one of them waits.

    The outbox is written last: what is held has taken its messages and made its changes, and has committed nothing.
    """
    async with database_of(stack, service) as connection:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE outbox IN SHARE MODE")

        async def somebody_waits() -> bool:
            return bool(await connection.fetchval(_WAITING))

        async def one_is_held() -> None:
            await eventually(f"a transaction of {service} waits", somebody_waits)

        yield one_is_held


async def at_rest(stack: Stack) -> None:
    """Wait until every process is healthy and no message is on its way. Raises AssertionError."""
    await stack.healthy()
    await eventually("nothing waits in outboxes and streams", lambda: _is_quiet(stack), deadline=REST_SECONDS)


async def _is_quiet(stack: Stack) -> bool:
    report = await inspect(stack.layout.root)
    services = [process for process in report.processes if process.name in SERVICES]
    return all(s.outbox_lag == 0 and s.consumer_lag is not None and not any(s.consumer_lag.values()) for s in services)


async def prove(stack: Stack) -> None:
    """Check that the ledger balances to the last entry and that no payment is left on its way."""
    async with database_of(stack, "wallet") as connection:
        ledger = await audit_ledger(connection)
    assert ledger.balanced, ledger.findings
    assert all(currency.total == 0 for currency in ledger.currencies)
    assert not await under_way(stack)


async def under_way(stack: Stack) -> int:
    """Return how many payments are being processed, at most `STUCK_SHOWN`."""
    async with database_of(stack, "payments") as connection:
        return len((await audit_payments(Reads(connection), timedelta(0))).stuck)


async def intents_of(stack: Stack, keys: Sequence[str]) -> dict[str, list[IntentRow]]:
    """Return the stored intents of each key; the streams of these tests put the key in the description."""
    found: dict[str, list[IntentRow]] = {key: [] for key in keys}
    async with database_of(stack, "payments") as connection:
        for row in await connection.fetch(_INTENTS, list(keys)):
            found[row["description"]].append(IntentRow(row["id"], row["description"], row["state"], row["amount"]))
    return found


async def transfers_of(stack: Stack, intents: Iterable[UUID]) -> Counter[UUID]:
    """Return how many transfers the ledger holds for each payment intent."""
    async with database_of(stack, "wallet") as connection:
        return Counter(row["reference"] for row in await connection.fetch(_TRANSFERS, list(intents)))


async def balances_of(stack: Stack, wallets: Iterable[UUID]) -> dict[UUID, int]:
    """Return the wallets' balances."""
    async with database_of(stack, "wallet") as connection:
        return {row["id"]: row["balance"] for row in await connection.fetch(_BALANCES, list(wallets))}
