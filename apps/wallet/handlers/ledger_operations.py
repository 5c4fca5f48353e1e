"""Carry out ledger operations: transfers, reversals, journals and holds, in the order in which they are asked for."""

from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from prometheus_client import Counter

from apps.wallet.domain.books import Books, Decided
from apps.wallet.domain.decision import decide
from apps.wallet.domain.named import Named
from apps.wallet.domain.operation import Operation
from apps.wallet.domain.transfer import Outcome, Refused
from apps.wallet.handlers.operations import LedgerCommand, operation_of
from apps.wallet.handlers.outcomes import tell, tell_expired, tell_opened
from apps.wallet.store import holds, ledger
from contracts.message import Envelope
from outbox.cooperation import by_and_by
from outbox.transaction import Transaction

OPERATIONS = Counter(
    "ledgerlink_ledger_operations_total",
    "Commands that the ledger has carried out (done) or refused, by the refusal's code",
    ["operation", "outcome"],
)
EXPIRIES = Counter("ledgerlink_ledger_hold_expiries_total", "Holds whose time was over before all was captured")
EXPIRY_SECONDS = 1.0
EXPIRY_LIMIT = 2000
"""How often holds are swept whose time is over, and how many at a time at most: the ledger waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Commands, read as operations, and what these name: all that is known of them without a look at the ledger."""

    commands: Sequence[Envelope[LedgerCommand]]
    operations: Sequence[Operation]
    named: Named


async def read_wishes(commands: Sequence[Envelope[LedgerCommand]]) -> Wishes:
    """Read commands before their turn."""
    operations = [operation_of(command.data) async for command in by_and_by(commands)]
    return Wishes(commands, operations, Named.by(operations))


async def carry_out(tx: Transaction, wishes: Wishes) -> None:
    """Carry out or refuse each command, in order, each on what the one before it left."""
    accepted = await _accepted(tx, wishes.commands)
    if not accepted:
        return
    if len(accepted) < len(wishes.commands):
        wishes = await read_wishes(accepted)
    books = await ledger.load_books(tx, wishes.operations, wishes.named)
    await decide_and_save(tx, books, wishes.operations, lambda decided: _tell_all(tx, accepted, decided))


async def expire_holds(tx: Transaction) -> None:
    """Say of holds that their time is over; they reserve nothing since then, whether this has been said or not."""
    if due := await holds.load_due(tx, tx.now, EXPIRY_LIMIT):
        await decide_and_save(tx, await ledger.load_due(tx, due), [])


async def release_due(tx: Transaction, accounts: Collection[UUID]) -> None:
    """Lock the ledger, and end the holds on some accounts whose time is over."""
    await decide_and_save(tx, await ledger.load_accounts_with_due(tx, accounts), [])


async def decide_and_save(
    tx: Transaction,
    books: Books,
    operations: Sequence[Operation],
    tell_outcomes: Callable[[Decided], Awaitable[None]] | None = None,
) -> Decided:
    """Decide operations on locked books, and write all that is new; what is to be said is put into words meanwhile."""
    decided = decide(books, operations, tx.now)

    async def tell_all() -> None:
        for hold in decided.expired:
            tell_expired(tx, hold)
        EXPIRIES.inc(len(decided.expired))
        if tell_outcomes:
            await tell_outcomes(decided)

    await tx.meanwhile(ledger.save_decided(tx, decided), tell_all())
    return decided


async def _tell_all(tx: Transaction, commands: Sequence[Envelope[LedgerCommand]], decided: Decided) -> None:
    tell_opened(tx, commands, decided)
    async for command, outcome in by_and_by(list(zip(commands, decided.outcomes, strict=True))):
        tell(tx, command, outcome)
    tally = Tally((type(c.data).__name__, _code(o)) for c, o in zip(commands, decided.outcomes, strict=True))
    for (operation, code), number in tally.items():
        OPERATIONS.labels(operation, code).inc(number)


def _code(outcome: Outcome) -> str:
    return outcome.refusal.value if isinstance(outcome, Refused) else "done"


async def _accepted(tx: Transaction, commands: Sequence[Envelope[LedgerCommand]]) -> list[Envelope[LedgerCommand]]:
    """Leave out commands with an idempotency key that are late or repeated; without one, the command's own id is it."""
    keyed = [c for c in commands if c.data.idempotency]
    if not keyed:
        return list(commands)
    new = {command.id for command in await tx.first_time(keyed)}
    return [c for c in commands if not c.data.idempotency or c.id in new]
