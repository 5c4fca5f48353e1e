import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from apps.payments.domain.processing import Call, Result, ResultStatus, Verb
from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.tests.processors.local_servers import SandboxProcess, settings_for
from apps.payments.tests.processors.operations import (
    APPROVED,
    UNKNOWN,
    FakeProcessor,
    Heard,
    Spoke,
    due_in,
    insert_operation,
    make_due,
    row_of,
)
from apps.payments.workers.call_processors import HOURS_APART, CallProcessors
from outbox.database import Database
from tests.waiting import eventually

FAILED = Result(ResultStatus.FAILED)
NOT_FOUND = Result(ResultStatus.NOT_FOUND)
STARTERS = [Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT]
OTHERS = [Verb.CAPTURE, Verb.VOID, Verb.REFUND, Verb.EVIDENCE]


class Bench:
    """A worker on a real database, with processors and a machine of the test's."""

    def __init__(self, database: Database, *processors: FakeProcessor, bound: int = 8) -> None:
        self.database = database
        self.heard, self.spoke = Heard(), Spoke(database)
        self._processors = {processor.name: processor for processor in processors}
        self._bounds = dict.fromkeys(self._processors, bound)
        self.worker = self.another()

    def another(self) -> CallProcessors:
        """Another process's worker."""
        return CallProcessors(self.spoke.transactions, self._processors, self._bounds, self.heard)

    async def turn(self, worker: CallProcessors | None = None) -> None:
        """Take what is due, wait for the answers, and give them to the machine."""
        worker = worker or self.worker
        await worker._work()
        await asyncio.gather(*worker._tasks)
        await worker._work()


async def test_a_charge_is_sent_and_settled(database: Database) -> None:
    processor = FakeProcessor(executes=[APPROVED])
    bench = Bench(database, processor)
    operation = await insert_operation(database)
    await bench.turn()
    assert processor.calls == [("execute", operation)]
    assert bench.heard.results(operation) == [ResultStatus.APPROVED]
    row = await row_of(database, operation)
    assert (row["status"], row["next_at"], row["leased_by"]) == ("succeeded", None, None)


async def test_what_is_claimed_is_nobody_elses(database: Database) -> None:
    processor = FakeProcessor(executes=[APPROVED])
    bench = Bench(database, processor)
    operations = [await insert_operation(database) for _ in range(6)]
    await asyncio.gather(*(bench.turn(bench.another()) for _ in range(4)))
    assert sorted(id_ for _, id_ in processor.calls) == operations


async def test_after_a_crash_it_is_asked_about_and_not_repeated(database: Database) -> None:
    """The worker that sent it died before it could note the answer."""
    processor = FakeProcessor(executes=[APPROVED], queries=[APPROVED])
    bench = Bench(database, processor)
    operation = await insert_operation(database)
    crashed = bench.another()
    await crashed._take_due()
    await asyncio.gather(*crashed._tasks)  # sent, and nothing more
    await bench.turn()
    assert processor.calls == [("execute", operation)]  # still leased
    assert 25 < await due_in(database, operation) <= 30
    await make_due(database, operation)
    await bench.turn()
    assert processor.calls == [("execute", operation), ("query", operation)]
    assert bench.heard.results(operation) == [ResultStatus.APPROVED]


async def test_after_a_crash_before_the_call_it_is_sent_once_it_is_not_found(database: Database) -> None:
    processor = FakeProcessor(executes=[APPROVED], queries=[NOT_FOUND])
    bench = Bench(database, processor)
    operation = await insert_operation(database)
    crashed = bench.another()
    crashed._start = lambda _: None  # type: ignore[method-assign,assignment]
    await crashed._take_due()
    await make_due(database, operation)
    await bench.turn()
    assert processor.calls == [("query", operation), ("execute", operation)]
    assert bench.heard.results(operation) == [ResultStatus.APPROVED]


@pytest.mark.parametrize("verb", STARTERS)
async def test_what_certainly_failed_is_for_the_machine_to_send_elsewhere(database: Database, verb: Verb) -> None:
    bench = Bench(database, FakeProcessor(executes=[FAILED]))
    operation = await insert_operation(database, verb)
    await bench.turn()
    assert bench.heard.results(operation) == [ResultStatus.FAILED]
    assert (await row_of(database, operation))["settled_at"]


@pytest.mark.parametrize("verb", OTHERS)
async def test_what_only_one_processor_can_do_is_sent_again(database: Database, verb: Verb) -> None:
    processor = FakeProcessor(executes=[FAILED, APPROVED])
    bench = Bench(database, processor)
    operation = await insert_operation(database, verb)
    await bench.turn()
    assert bench.heard.results(operation) == []
    assert 4 < await due_in(database, operation) <= 5
    await make_due(database, operation)
    await bench.turn()
    assert processor.calls == [("execute", operation)] * 2
    assert bench.heard.results(operation) == [ResultStatus.APPROVED]


@pytest.mark.parametrize("executed", [FAILED, NOT_FOUND])
async def test_nothing_fails_for_certain_once_it_may_have_arrived(database: Database, executed: Result) -> None:
    """A first execution without an answer may still arrive after a second one has certainly failed."""
    processor = FakeProcessor(executes=[UNKNOWN, executed], queries=[NOT_FOUND])
    bench = Bench(database, processor)
    operation = await insert_operation(database)
    await bench.turn()
    await make_due(database, operation)
    await bench.turn()
    assert [what for what, _ in processor.calls] == ["execute", "query", "execute"]
    assert bench.heard.results(operation) == [ResultStatus.UNKNOWN] * 2


async def test_what_is_refused_for_hours_fails_for_certain(database: Database) -> None:
    """No request is on its way for so long: what the processor never saw, it never will see."""
    bench = Bench(database, FakeProcessor(executes=[UNKNOWN, FAILED], queries=[NOT_FOUND]))
    operation = await insert_operation(database)
    await bench.turn()
    await database.pool.execute("UPDATE operation SET tries = $1", HOURS_APART + 1)
    await make_due(database, operation)
    await bench.turn()
    assert bench.heard.results(operation) == [ResultStatus.UNKNOWN, ResultStatus.FAILED]
    assert (await row_of(database, operation))["settled_at"]


async def test_what_a_processor_has_told_of_is_not_sent_again(database: Database) -> None:
    processor = FakeProcessor(executes=[Result(ResultStatus.PENDING, "ref_1")], queries=[NOT_FOUND])
    bench = Bench(database, processor)
    operation = await insert_operation(database)
    await bench.turn()
    await database.pool.execute("UPDATE operation SET reference = 'ref_1'")
    await make_due(database, operation)
    await bench.turn()
    assert [what for what, _ in processor.calls] == ["execute", "query"]
    assert bench.heard.results(operation) == [ResultStatus.PENDING, ResultStatus.UNKNOWN]


@pytest.mark.parametrize("status", [ResultStatus.UNKNOWN, ResultStatus.PENDING, ResultStatus.REQUIRES_ACTION])
async def test_it_is_asked_about_until_somebody_has_to_look(database: Database, status: ResultStatus) -> None:
    bench = Bench(database, FakeProcessor(executes=[Result(status)], queries=[Result(status)]))
    operation = await insert_operation(database)
    pauses = []
    for _ in range(13):
        await bench.turn(bench.another())  # so much later that nobody remembers the trouble
        pauses.append(round(await due_in(database, operation), -1))
        assert (await row_of(database, operation))["tries"] == len(pauses)
        await make_due(database, operation)
    assert pauses == [0, 30, 300, 3600, *[86400] * 9]
    assert (await row_of(database, operation))["status"] == "attention"
    [event] = bench.spoke.said()
    assert event["type"] == "ledgerlink.payments.operation.needs_attention.v1"
    assert event["data"]["operation_id"] == str(operation)
    assert event["data"]["tries"] == 12


async def test_even_then_it_can_become_known(database: Database) -> None:
    bench = Bench(database, FakeProcessor(queries=[APPROVED]))
    operation = await insert_operation(database)
    await database.pool.execute("UPDATE operation SET status = 'attention', tries = 40, leased_by = id")
    await bench.turn()
    assert (await row_of(database, operation))["status"] == "succeeded"


async def test_whatever_an_adapter_raises_is_unknown(database: Database) -> None:
    bench = Bench(database, FakeProcessor(executes=[RuntimeError("a mistake in the adapter")]))
    operation = await insert_operation(database)
    await bench.turn()
    assert bench.heard.results(operation) == [ResultStatus.UNKNOWN]


async def test_an_answer_that_the_machine_cannot_take_stops_no_other(database: Database) -> None:
    bench = Bench(database, FakeProcessor(executes=[APPROVED]))
    operations = [await insert_operation(database) for _ in range(3)]
    bench.heard.failing = {operations[1]}
    await bench.turn()
    statuses = [(await row_of(database, operation))["status"] for operation in operations]
    assert statuses == ["succeeded", "pending", "succeeded"]
    assert 4 < await due_in(database, operations[1]) <= 5
    assert not bench.worker._busy["sandbox"]


async def test_each_processor_has_its_own_room(database: Database) -> None:
    slow, quick = FakeProcessor("slow"), FakeProcessor("quick", executes=[APPROVED])
    gate, under_way = asyncio.Event(), 0

    async def wait(call: Call) -> Result:
        nonlocal under_way
        under_way += 1
        slow.calls.append(("execute", call.operation_id))
        await gate.wait()
        return APPROVED

    slow.execute = wait  # type: ignore[method-assign]
    bench = Bench(database, slow, quick, bound=3)
    waiting = [await insert_operation(database, processor="slow") for _ in range(5)]
    others = [await insert_operation(database, processor="quick") for _ in range(2)]
    async with running(bench.worker):
        await eventually("the quick ones are settled", lambda: _all_settled(database, others))
        assert [id_ for _, id_ in slow.calls] == waiting[:3]
        gate.set()
        await eventually("the slow ones are settled", lambda: _all_settled(database, waiting))
    assert under_way == 5


async def test_of_a_processor_that_nobody_knows_nothing_is_taken(database: Database) -> None:
    bench = Bench(database, FakeProcessor(executes=[APPROVED]))
    operation = await insert_operation(database, processor="gone")
    await bench.turn()
    assert (await row_of(database, operation))["leased_by"] is None


async def _open(bench: Bench, database: Database) -> None:
    """Open the circuit of the processor, which has nothing but trouble."""
    for _ in range(5):
        await insert_operation(database)
        await bench.turn()
    bench.heard.signals.clear()


@pytest.mark.parametrize("verb", STARTERS)
async def test_an_open_circuit_fails_what_others_can_do(database: Database, verb: Verb) -> None:
    processor = FakeProcessor(executes=[FAILED])
    bench = Bench(database, processor)
    await _open(bench, database)
    processor.calls.clear()
    operation = await insert_operation(database, verb)
    await bench.turn()
    assert processor.calls == []
    assert bench.heard.results(operation) == [ResultStatus.FAILED]


@pytest.mark.parametrize("verb", OTHERS)
async def test_an_open_circuit_lets_the_rest_wait(database: Database, verb: Verb) -> None:
    processor = FakeProcessor(executes=[FAILED])
    bench = Bench(database, processor)
    await _open(bench, database)
    processor.calls.clear()
    operation = await insert_operation(database, verb)
    await bench.turn()
    row = await row_of(database, operation)
    assert (processor.calls, row["tries"], row["leased_by"], row["status"]) == ([], 0, None, "pending")
    assert 8 < await due_in(database, operation) <= 10
    assert bench.heard.signals == []


async def test_an_open_circuit_lets_what_was_sent_wait(database: Database) -> None:
    processor = FakeProcessor(executes=[UNKNOWN], queries=[APPROVED])
    bench = Bench(database, processor)
    sent = [await insert_operation(database) for _ in range(5)]
    await bench.turn()
    await make_due(database, *sent)
    bench.heard.signals.clear()
    await bench.turn()
    assert bench.heard.signals == []
    row = await row_of(database, sent[0])
    assert (row["tries"], row["leased_by"]) == (1, bench.worker.id)
    circuit = bench.worker._circuits["sandbox"]
    bench.worker._circuits["sandbox"] = circuit.sent(datetime.now(UTC) - timedelta(minutes=1))  # its time has come
    await make_due(database, *sent)
    processor.calls.clear()
    await bench.turn()
    await make_due(database, *sent)
    await bench.turn()
    assert {what for what, _ in processor.calls} == {"query"}
    assert all(bench.heard.results(operation) == [ResultStatus.APPROVED] for operation in sent)


async def test_at_the_end_it_takes_the_answers_that_come_soon(database: Database) -> None:
    processor = FakeProcessor()
    begun = asyncio.Event()

    async def soon(call: Call) -> Result:  # noqa: ARG001 - the port's
        begun.set()
        await asyncio.sleep(0.3)
        return APPROVED

    processor.execute = soon  # type: ignore[method-assign]
    bench = Bench(database, processor)
    operation = await insert_operation(database)
    async with running(bench.worker):
        await begun.wait()
    assert (await row_of(database, operation))["status"] == "succeeded"
    assert processor.closed


async def test_a_database_that_goes_away_loses_no_answer(database: Database) -> None:
    bench = Bench(database, FakeProcessor(executes=[APPROVED]))
    operation = await insert_operation(database)
    await bench.worker._take_due()
    await asyncio.gather(*bench.worker._tasks)
    await database.close()
    with pytest.raises(RuntimeError):
        await bench.worker._give_answers()
    await database.open()
    await bench.worker._give_answers()
    assert (await row_of(database, operation))["status"] == "succeeded"


async def test_the_real_sandbox_is_called(database: Database, sandbox_server: SandboxProcess) -> None:
    spoke, heard = Spoke(database), Heard()
    sandbox = SandboxProcessor(settings_for(sandbox_server.url(), timeout_seconds=10))
    worker = CallProcessors(spoke.transactions, {"sandbox": sandbox}, {"sandbox": 64}, heard)
    operations = [await insert_operation(database) for _ in range(200)]
    async with running(worker):
        worker.wake()
        await eventually("all are settled", lambda: _all_settled(database, operations))
    assert all(heard.results(operation) == [ResultStatus.APPROVED] for operation in operations)


@asynccontextmanager
async def running(worker: CallProcessors) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _all_settled(database: Database, operations: list[UUID]) -> bool:
    query = "SELECT count(*) FROM operation WHERE id = ANY ($1::uuid[]) AND settled_at IS NOT NULL"
    settled: int = await database.pool.fetchval(query, operations)
    return settled == len(operations)
