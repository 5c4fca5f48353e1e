"""An operator settles what nobody could find out, on a real database; whatever is said later moves no money."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apps.payments.domain.asking_again import LEASE
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult
from apps.payments.queries import get_processor_operation, get_timeline, list_processor_operations
from apps.payments.store import calls
from apps.payments.tests.building import PAYER, captured, enveloped, key, placed, refund, settlement
from apps.payments.tests.processors.operations import FakeProcessor, insert_operation, make_due, operation_news, row_of
from apps.payments.tests.processors.webhook_room import WebhookRoom, machine
from apps.payments.tests.room import Room
from apps.payments.tests.test_cards import charged
from apps.payments.workers.call_processors import CallProcessors
from contracts.ids import new_id
from contracts.message import Outcome, Reply
from contracts.payments import (
    DoubtfulStatus,
    GetProcessorOperation,
    GetTimeline,
    ListProcessorOperations,
    OperationNeedsAttention,
    ProcessorOperation,
)
from contracts.wallet import CaptureHold, PlaceHold, PostTransfer
from outbox.database import Database
from outbox.responder import Refused
from tests.fresh_databases import FreshDatabase
from tests.waiting import eventually

_DOUBT = (
    "UPDATE operation SET status = $2, tries = 12, leased_by = $3, next_at = now() + interval '1 day' WHERE id = $1"
)
_BLOCKED = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
"""
APPROVED, DECLINED = (Result(status, "ref_1") for status in (ResultStatus.APPROVED, ResultStatus.DECLINED))


@pytest.fixture
def webhooks(database: Database) -> WebhookRoom:
    return WebhookRoom(database)


@pytest.fixture
def room(webhooks: WebhookRoom) -> Room:
    return webhooks.room


async def doubted(database: Database, operation: UUID, status: str = "attention") -> UUID:
    """Nobody found out what became of it; it is asked about again tomorrow."""
    await database.pool.execute(_DOUBT, operation, status, new_id())
    return operation


async def settle(room: Room, operation: UUID, outcome: str = "succeeded", **more: Any) -> Reply:
    (reply,) = await room.deliver(enveloped(settlement(operation, outcome, **{"reference": "ref_1"} | more)))
    return reply


async def read(database: Database, operation: UUID) -> ProcessorOperation:
    return await get_processor_operation(database, enveloped(GetProcessorOperation(id=operation)))


async def in_doubt(database: Database, **asked: Any) -> tuple[list[UUID], UUID | None]:
    page = await list_processor_operations(database, enveloped(ListProcessorOperations(**asked)))
    return [operation.id for operation in page.operations], page.next_before


async def test_what_is_in_doubt_is_listed_until_it_is_settled(room: Room, database: Database) -> None:
    several = [await doubted(database, await insert_operation(database)) for _ in range(3)]
    unknown = await doubted(database, await insert_operation(database), "unknown")
    await insert_operation(database)
    assert await in_doubt(database) == (several[::-1], None)
    assert await in_doubt(database, limit=2) == (several[:0:-1], several[1])
    assert await in_doubt(database, limit=2, before=several[1]) == ([several[0]], None)
    assert await in_doubt(database, status=DoubtfulStatus.UNKNOWN) == ([unknown], None)
    for operation, outcome in zip(several, ("succeeded", "failed", "failed"), strict=True):
        assert (await settle(room, operation, outcome, reference=str(operation))).outcome is Outcome.COMPLETED
    assert await in_doubt(database) == ([], None)


async def test_who_settled_it_and_why_is_kept_and_seen(room: Room, database: Database) -> None:
    operation = await doubted(database, await insert_operation(database))
    before = await read(database, operation)
    assert (before.status, before.tries, before.settlement, before.reference) == ("attention", 12, None, None)
    assert before.next_at
    command = enveloped(settlement(operation, reference="ref_1"))
    (reply,) = await room.deliver(command)
    shown = await read(database, operation)
    assert (shown.status, shown.reference, shown.next_at) == ("succeeded", "ref_1", None)
    assert shown.settlement
    assert (shown.settlement.settled_by, shown.settlement.note) == (PAYER, "Seen in the dashboard")
    assert shown.settlement.settled_at == shown.settled_at
    assert ProcessorOperation.model_validate(reply.resource) == shown
    asked = GetTimeline(payment_intent=shown.payment_intent, party=await _party(database, shown.payment_intent))
    hops = (await get_timeline(database, enveloped(asked))).hops
    assert [(hop.trigger, hop.operation, hop.cause) for hop in hops] == [
        ("operation_settled", operation, command.id),
        ("charged", operation, command.id),
    ]


async def _party(database: Database, intent: UUID) -> UUID:
    party: UUID = await database.pool.fetchval("SELECT customer FROM payment_intent WHERE id = $1", intent)
    return party


async def test_it_is_done_once_however_often_it_is_asked(room: Room, database: Database) -> None:
    operation = await doubted(database, await insert_operation(database))
    idempotency = key()
    first = await settle(room, operation, idempotency=idempotency)
    assert await settle(room, operation, idempotency=idempotency) == first
    assert _code(await settle(room, operation, "failed", idempotency=key())) == "processor_operation_not_in_doubt"
    both = [enveloped(settlement(await doubted(database, await insert_operation(database)), reference="ref_2"))]
    both += [enveloped(settlement(both[0].data.operation_id, "failed"))]
    assert [_code(reply) for reply in await room.deliver(*both)] == [None, "processor_operation_not_in_doubt"]
    assert len(await room.said(PostTransfer)) == 2
    assert await database.pool.fetchval("SELECT count(*) FROM settlement") == 2


def _code(reply: Reply) -> str | None:
    return reply.problem.code if reply.problem else None


async def test_two_operators_at_once_settle_it_once(room: Room, database: Database) -> None:
    operation = await doubted(database, await insert_operation(database))
    commands = [enveloped(settlement(operation, outcome)) for outcome in ("succeeded", "failed") * 2]
    await asyncio.gather(*(room.deliver(command) for command in commands))
    codes = sorted(str(_code(reply.data)) for reply in room.replies)
    assert codes == ["None"] + ["processor_operation_not_in_doubt"] * 3
    assert await database.pool.fetchval("SELECT count(*) FROM settlement") == 1


async def test_refusals(room: Room, database: Database) -> None:
    other = await insert_operation(database, reference="ref_theirs")
    operation = await doubted(database, await insert_operation(database))
    in_hand = await doubted(database, await insert_operation(database))
    await database.pool.execute("UPDATE operation SET next_at = now() + $2 WHERE id = $1", in_hand, LEASE / 2)
    cases: list[tuple[UUID, dict[str, Any], str]] = [
        (new_id(), {}, "processor_operation_not_found"),
        (other, {"reference": "ref_theirs"}, "processor_operation_not_in_doubt"),
        (operation, {"reference": "ref_theirs"}, "reference_not_possible"),
        (operation, {"reference": None}, "reference_required"),
        (in_hand, {"outcome": "failed"}, "processor_operation_in_hand"),
    ]
    for identifier, more, code in cases:
        reply = await settle(room, identifier, **more)
        assert (reply.outcome, _code(reply)) == (Outcome.REFUSED, code)
    assert await database.pool.fetchval("SELECT count(*) FROM settlement") == 0
    with pytest.raises(Refused):
        await read(database, new_id())


async def test_what_a_worker_takes_in_hand_meanwhile_is_not_settled(room: Room, database: Database) -> None:
    """It may be charged at this moment; the next attempt would charge it once more."""
    operation = await doubted(database, await insert_operation(database))
    await make_due(database, operation)
    await database.pool.execute("UPDATE operation SET leased_by = NULL WHERE id = $1", operation)

    async def waits() -> bool:
        return bool(await database.pool.fetchval(_BLOCKED))

    async with room.transactions.begin() as tx:
        await calls.claim(tx, new_id(), {"sandbox": 1}, tx.now + LEASE)
        settling = asyncio.create_task(settle(room, operation, "failed"))
        await eventually("the settlement waits for the worker", waits)
    assert _code(await settling) == "processor_operation_in_hand"
    assert (await row_of(database, operation))["settled_at"] is None


@pytest.mark.parametrize(("outcome", "late"), [("failed", APPROVED), ("succeeded", DECLINED)])
@pytest.mark.parametrize("verb", [Verb.CHARGE, Verb.AUTHORISE])
async def test_a_webhook_that_contradicts_moves_nothing_and_is_told(
    webhooks: WebhookRoom, database: Database, verb: Verb, outcome: str, late: Result
) -> None:
    operation = await doubted(database, await insert_operation(database, verb))
    await settle(webhooks.room, operation, outcome)
    intent = (await row_of(database, operation))["intent_id"]
    await webhooks.come_to_rest(intent)
    before = await webhooks.final(intent)
    posts = len(await webhooks.room.said(PostTransfer))
    assert posts == (outcome == "succeeded" and verb is Verb.CHARGE)
    await webhooks.keep(operation_news(operation, late), operation_news(operation, late))
    await webhooks.come_to_rest(intent)
    assert await webhooks.final(intent) == before
    assert len(await webhooks.room.said(PostTransfer)) == posts
    assert await webhooks.statuses() == ["attention"] * 2
    told = await webhooks.room.said(OperationNeedsAttention)
    assert {word.data.operation_id for word in told} == {operation}


@pytest.mark.parametrize(("outcome", "late"), [("failed", DECLINED), ("succeeded", APPROVED)])
async def test_a_webhook_that_agrees_changes_nothing(
    webhooks: WebhookRoom, database: Database, outcome: str, late: Result
) -> None:
    operation = await doubted(database, await insert_operation(database))
    await settle(webhooks.room, operation, outcome)
    row = await row_of(database, operation)
    await webhooks.keep(operation_news(operation, late), operation_news(None, late))
    await webhooks.look()
    assert await row_of(database, operation) == row
    assert (await webhooks.statuses())[0] == "ignored"
    assert await webhooks.room.said(OperationNeedsAttention) == []


async def test_an_approval_of_another_amount_is_told(webhooks: WebhookRoom, database: Database) -> None:
    operation = await doubted(database, await insert_operation(database))
    await settle(webhooks.room, operation)
    await webhooks.keep(operation_news(operation, Result(ResultStatus.APPROVED, "ref_1", amount=1, currency="EUR")))
    await webhooks.look()
    assert await webhooks.statuses() == ["attention"]


def _worker(room: Room, processor: FakeProcessor) -> CallProcessors:
    return CallProcessors(room.transactions, {"sandbox": processor}, {"sandbox": 4}, machine)


@pytest.mark.parametrize(("outcome", "late"), [("failed", APPROVED), ("succeeded", DECLINED)])
async def test_an_answer_that_comes_after_all_moves_nothing_and_is_told(
    room: Room, database: Database, outcome: str, late: Result
) -> None:
    """The worker was so slow that its lease was over, and somebody settled the operation meanwhile."""
    operation = await insert_operation(database)
    worker = _worker(room, FakeProcessor(executes=[late]))
    await worker._take_due()
    await asyncio.gather(*worker._tasks)
    assert _code(await settle(room, operation, outcome)) == "processor_operation_not_in_doubt"  # only just asked for
    await doubted(database, operation)
    await settle(room, operation, outcome)
    row, posts = await row_of(database, operation), await room.said(PostTransfer)
    await worker._give_answers()
    assert await row_of(database, operation) == row
    assert await room.said(PostTransfer) == posts
    (told,) = await room.said(OperationNeedsAttention)
    assert told.data.operation_id == operation


@pytest.mark.parametrize("outcome", ["failed", "succeeded"])
async def test_what_is_settled_is_asked_about_no_more(room: Room, database: Database, outcome: str) -> None:
    operation = await doubted(database, await insert_operation(database))
    await settle(room, operation, outcome)
    await make_due(database, operation)
    processor = FakeProcessor(executes=[APPROVED], queries=[APPROVED])
    await _worker(room, processor)._work()
    assert processor.calls == []


async def test_a_refund_that_was_made_after_all_is_booked_once(room: Room, database: Database) -> None:
    intent = await charged(room)
    await room.deliver(refund(intent))
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    (asked,) = await room.unsettled(intent)
    await doubted(database, asked.id)
    await settle(room, asked.id, reference=None)
    await room.deliver(*captured(await room.last(CaptureHold), hold))
    assert (await room.intent(intent)).refunded == 1250
    for late in (APPROVED, DECLINED):
        await room.apply(OperationResult(asked.id, late))
    assert ((await room.intent(intent)).refunded, len(await room.said(CaptureHold))) == (1250, 1)
    assert (await read(database, asked.id)).refund == asked.subject_id


async def test_nobody_takes_it_back(payments_database: FreshDatabase) -> None:
    connection = await asyncpg.connect(payments_database.url)
    try:
        for statement in ("UPDATE settlement SET note = 'x'", "DELETE FROM settlement"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
