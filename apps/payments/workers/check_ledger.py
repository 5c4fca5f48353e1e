"""Compares what payments have asked of the ledger with what the ledger has: slice after slice, without an end.

It reads, asks the wallet, and only then writes: no transaction is open while somebody else is waited for. Two replicas
that compare the same slice find the same, and only the first says it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from apps.payments.domain.agreement import Known, Sums, difference, ids_to_ask, sums_difference
from apps.payments.domain.operations import Operation
from apps.payments.store import ledger_checks as store
from apps.payments.store.ledger_checks import Difference, Position
from contracts.payments import LedgerDiffers
from contracts.wallet import Effects, GetEffects
from outbox.database import Database
from outbox.requester import NoAnswerError, Requester
from outbox.transaction import Transactions
from outbox.workers import Worker

SLICE = 200
"""Operations in a slice: what they have come to fits into one answer of the wallet."""
SAID = 500
"""Characters in which a difference is said."""
EVERY_SECONDS = 5.0
REST = timedelta(seconds=60)
"""What was settled more recently is left for later: its neighbours may not be committed yet, and would be passed by."""

_LOG = structlog.get_logger()
CHECKED = Counter("ledgerlink_payments_checked_operations_total", "Operations compared with the ledger")
DIFFERENCES = Counter("ledgerlink_payments_ledger_differences_total", "Operations found to differ from the ledger")
KNOWN = Gauge("ledgerlink_payments_known_ledger_differences", "Operations that were ever found to differ")
BEHIND = Gauge("ledgerlink_payments_ledger_check_behind_seconds", "Age of the oldest operation not compared yet")


@dataclass(frozen=True)
class LedgerCheck:
    """One step of the comparison; `rest` is how long operations are left alone after they were settled."""

    database: Database
    transactions: Transactions
    wallet: Requester
    rest: timedelta = REST

    async def drain(self) -> bool:
        """Compare the next slice; tell whether there may be more. What cannot be asked now is asked next time."""
        now = datetime.now(UTC)
        async with self.database.reads() as reads:
            position = await store.load_position(reads)
            operations = await store.load_settled(reads, position, now - self.rest, SLICE)
            sums = await store.load_sums(reads, list({operation.intent_id for operation in operations}))
            KNOWN.set(await store.count_differences(reads))
        BEHIND.set((now - _settled(operations[0])).total_seconds() if operations else 0)
        if not operations:
            return False
        try:
            effects = await self.wallet.ask(GetEffects(ids=_ids(operations)), Effects)
        except NoAnswerError as error:
            _LOG.warning("not compared with the ledger yet", reason=str(error))
            return False
        await self._conclude(position, operations, _compare(operations, Known.of(effects), sums))
        return len(operations) == SLICE

    async def _conclude(self, position: Position, operations: Sequence[Operation], found: Sequence[Difference]) -> None:
        """Keep and say what differs, and move on, all in one transaction."""
        last = operations[-1]
        async with self.transactions.begin() as tx:
            if not await store.move(tx, position, Position(_settled(last), last.id)):
                return
            new = await store.keep(tx, found)
            for one in found:
                if one.operation_id in new:
                    tx.say(_said(one, tx.now), None)
        CHECKED.inc(len(operations))
        DIFFERENCES.inc(len(new))
        for one in found:
            _LOG.error("ledger differs", payment_intent=str(one.intent_id), difference=one.says)


def worker(check: LedgerCheck) -> Worker:
    """Return the worker that goes on with the comparison."""
    return Worker("check_ledger", check.drain, EVERY_SECONDS)


def _compare(operations: Sequence[Operation], known: Known, sums: Sequence[Sums]) -> list[Difference]:
    """Return the operations that the ledger has otherwise, and the last one of each payment that does not add up."""
    wrong = {s.intent_id: says for s in sums if (says := sums_difference(s))}
    last = {operation.intent_id: operation for operation in operations if operation.intent_id in wrong}
    found = {operation.id: (operation, wrong[intent_id]) for intent_id, operation in last.items()}
    found |= {operation.id: (operation, says) for operation in operations if (says := difference(operation, known))}
    return [Difference(operation.id, operation.intent_id, says[:SAID]) for operation, says in found.values()]


def _ids(operations: Sequence[Operation]) -> list[UUID]:
    return list(dict.fromkeys(identifier for operation in operations for identifier in ids_to_ask(operation)))


def _settled(operation: Operation) -> datetime:
    if operation.settled_at is None:
        raise ValueError(f"operation {operation.id} is not settled")
    return operation.settled_at


def _said(found: Difference, at: datetime) -> LedgerDiffers:
    return LedgerDiffers(
        payment_intent=found.intent_id, operation_id=found.operation_id, difference=found.says, found_at=at
    )
