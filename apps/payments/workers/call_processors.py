"""Carries operations out at their processors: take what is due, commit, call, and give every answer to the machine.

A crash in between loses nothing: after its lease an operation is asked about first, and executed only when its
processor has never seen it, under the same id.
"""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram

from apps.payments.domain.asking_again import LEASE, PAUSES, needs_attention, pause_after
from apps.payments.domain.circuit import Circuit, CircuitState
from apps.payments.domain.deciding import Ignored
from apps.payments.domain.operations import call_of
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult, Signal
from apps.payments.processors.declines import PROCESSOR_UNAVAILABLE
from apps.payments.processors.port import Processor
from apps.payments.store import calls
from apps.payments.store.calls import DueOperation, Postponed
from apps.payments.workers.late_words import told_otherwise
from contracts.ids import new_id
from contracts.payments import OperationNeedsAttention
from outbox.database import is_transient
from outbox.ending import end
from outbox.logs import trace_of
from outbox.metrics import JOB_FAILURES
from outbox.tracing import calling, note
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
NAME = "processors"
POLL_SECONDS = 1.0
TURN_SECONDS = 25.0
"""A turn at an operation ends before its lease: one query and one execution."""
FINISH_SECONDS = 2.0
HOURS_APART = len(PAUSES)
"""After so many tries an hour or more has passed since the last one: no request is on its way for so long."""

CALLS = Counter(
    "ledgerlink_payments_processor_calls_total",
    "Operations executed or asked about at a processor, by how that ended",
    ["processor", "verb", "status"],
)
CALL_SECONDS = Histogram(
    "ledgerlink_payments_processor_call_seconds",
    "From taking an operation to its processor's answer",
    ["processor"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25),
)
CIRCUIT_OPEN = Gauge("ledgerlink_payments_circuit_open", "1 while nothing but probes is sent to it", ["processor"])

Apply = Callable[[Transaction, Sequence[Signal]], Awaitable[Sequence[object]]]
"""Gives signals to the machine, in a transaction, and returns what became of each (handlers.signals)."""

_STARTERS = frozenset({Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT})
"""What another processor can do instead. Anything else is about what one processor has, and waits for it."""
_TROUBLE = frozenset({ResultStatus.FAILED, ResultStatus.UNKNOWN})
_UNKNOWN = Result(ResultStatus.UNKNOWN)
_UNAVAILABLE = Result(ResultStatus.FAILED, problem=PROCESSOR_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a turn at an operation ended. Without a result it was not called, and waits until `wait_until`."""

    due: DueOperation
    result: Result | None
    wait_until: datetime | None = None

    @property
    def starts_over(self) -> bool:
        """Whether it certainly had no effect and nobody else can do it: the same processor is asked to do it again."""
        failed = self.result is not None and self.result.status is ResultStatus.FAILED
        return failed and self.due.operation.verb not in _STARTERS

    def signal(self) -> OperationResult | None:
        """Return what the machine hears of it."""
        if self.result is None or self.starts_over:
            return None
        return OperationResult(self.due.operation.id, self.result)


class CallProcessors(Worker):
    """The worker `processors`. `bounds` is how many calls may be under way at each processor."""

    def __init__(
        self, transactions: Transactions, processors: Mapping[str, Processor], bounds: Mapping[str, int], apply: Apply
    ) -> None:
        super().__init__(NAME, self._work, POLL_SECONDS)
        self.id = new_id()
        self._transactions = transactions
        self._processors = processors
        self._bounds = bounds
        self._apply = apply
        self._circuits = dict.fromkeys(processors, Circuit())
        self._busy: Tally[str] = Tally()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []
        for name in processors:
            CIRCUIT_OPEN.labels(name).set(0)

    async def run(self) -> None:
        """Work until cancelled; then wait a moment for the calls that are under way."""
        try:
            await super().run()
        finally:
            await self._finish()

    async def _work(self) -> bool:
        await self._give_answers()
        await self._take_due()
        return bool(self._answers)

    async def _take_due(self) -> None:
        room = {name: free for name, bound in self._bounds.items() if (free := bound - self._busy[name]) > 0}
        async with self._transactions.begin() as tx:
            taken = await calls.claim(tx, self.id, room, tx.now + LEASE)
        for due in taken:
            self._busy[due.processor] += 1
            self._start(due)

    def _start(self, due: DueOperation) -> None:
        """Call the processor, unless its circuit is open: then what another one can do fails, and the rest waits."""
        now = datetime.now(UTC)
        circuit = self._circuits[due.processor]
        if circuit.lets_through(now):
            self._circuits[due.processor] = circuit.sent(now)
            task = asyncio.create_task(self._call(due), name=f"{NAME}-{due.operation.verb}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif due.was_sent or due.operation.verb not in _STARTERS:
            self._answers.append(Answer(due, None, circuit.until))
        else:
            self._answers.append(Answer(due, _UNAVAILABLE))

    async def _call(self, due: DueOperation) -> None:
        name, started, verb = due.processor, time.perf_counter(), due.operation.verb
        about = {"ledgerlink.operation.id": str(due.operation.id), "ledgerlink.operation.tries": due.operation.tries}
        try:
            async with asyncio.timeout(TURN_SECONDS):
                with calling(f"{verb.value} {name}", due.traceparent, about):
                    result = await _ask(self._processors[name], due)
                    note("ledgerlink.operation.status", result.status.value)
        except Exception:  # noqa: BLE001 - whatever went wrong, it may have happened, and the others go on
            _LOG.exception("call failed", processor=name, operation=str(due.operation.id), **trace_of(due.traceparent))
            result = _UNKNOWN
        CALLS.labels(name, verb.value, result.status.value).inc()
        CALL_SECONDS.labels(name).observe(time.perf_counter() - started)
        self._note(name, well=result.status not in _TROUBLE)
        self._answers.append(Answer(due, result))
        self.wake()

    def _note(self, name: str, *, well: bool) -> None:
        before = self._circuits[name]
        after = self._circuits[name] = before.ended(datetime.now(UTC), well=well)
        CIRCUIT_OPEN.labels(name).set(after.state is not CircuitState.CLOSED)
        if after.state is not before.state:
            _LOG.warning("circuit", processor=name, state=after.state.value, openings=after.openings)

    async def _give_answers(self) -> None:
        """Give all answers so far to the machine, in one transaction; those that it cannot take, alone."""
        batch = list(self._answers)
        if not batch:
            return
        try:
            await self._give(batch)
        except Exception as error:
            if is_transient(error):
                raise
            _LOG.exception("answers not applied, trying one by one", answers=len(batch))
            for answer in batch:
                await self._give_alone(answer)
        del self._answers[: len(batch)]
        self._busy.subtract(Tally(answer.due.processor for answer in batch))

    async def _give(self, batch: Sequence[Answer]) -> None:
        async with self._transactions.begin() as tx:
            signals = [signal for answer in batch if (signal := answer.signal())]
            outcomes = await self._apply(tx, signals)
            late = [s for s, outcome in zip(signals, outcomes, strict=True) if outcome is Ignored.UNKNOWN_OPERATION]
            await told_otherwise(tx, late)
            await self._postpone(tx, batch)

    async def _give_alone(self, answer: Answer) -> None:
        """Give one answer to the machine; if it cannot take it, the operation is asked about again later."""
        try:
            await self._give([answer])
        except Exception as error:
            if is_transient(error):
                raise
            JOB_FAILURES.labels(NAME).inc()
            due = answer.due
            _LOG.exception("answer not applied", operation=str(due.operation.id), **trace_of(due.traceparent))
            async with self._transactions.begin() as tx:
                await self._postpone(tx, [Answer(answer.due, _UNKNOWN)])

    async def _postpone(self, tx: Transaction, batch: Sequence[Answer]) -> None:
        """Say when those are due again that are not settled by their answers, and tell when a person has to look."""
        postponed = [postponement(answer, self.id, tx.now) for answer in batch]
        unsettled = await calls.postpone(tx, self.id, postponed)
        for answer, later in zip(batch, postponed, strict=True):
            operation = answer.due.operation
            if operation.id in unsettled and later.attention and not needs_attention(operation.tries):
                word = OperationNeedsAttention(
                    operation_id=operation.id,
                    payment_intent=operation.intent_id,
                    processor=answer.due.processor,
                    asked_at=operation.asked_at,
                    tries=later.tries,
                )
                tx.say(word, None)

    async def _finish(self) -> None:
        """Take the answers that come within a moment; what is still under way then is asked about after its lease."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await self._give_answers()
        except Exception:  # noqa: BLE001 - the lease ends, and they are asked about again
            _LOG.warning("answers not applied at the end", answers=len(self._answers))
        await end(list(self._tasks))
        await asyncio.gather(*(processor.close() for processor in self._processors.values()))


async def _ask(processor: Processor, due: DueOperation) -> Result:
    """Execute an operation that was never sent; of one that may have been, ask first.

    The very first execution can fail for certain. After it, an earlier one may have arrived, or still will, unless that
    was so long ago that it is nowhere any more.
    """
    call, reference = call_of(due.operation), due.operation.reference
    if not due.was_sent:
        return await processor.execute(call)
    result = await processor.query(call, reference)
    if result.status is ResultStatus.NOT_FOUND and reference is None:
        result = await processor.execute(call)
        if result.status is ResultStatus.FAILED and due.operation.tries > HOURS_APART:
            return result
    return _UNKNOWN if result.status in {ResultStatus.FAILED, ResultStatus.NOT_FOUND} else result


def postponement(answer: Answer, worker: UUID, now: datetime) -> Postponed:
    """Return when an operation is due again if it is not settled by the answer."""
    operation = answer.due.operation
    if answer.wait_until is not None:
        holder = worker if answer.due.was_sent else None
        return Postponed(operation.id, operation.tries, answer.wait_until, holder, attention=False)
    tries = operation.tries + 1
    holder = None if answer.starts_over else worker
    return Postponed(operation.id, tries, now + pause_after(tries), holder, needs_attention(tries))
