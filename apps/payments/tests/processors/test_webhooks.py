from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult, Timeout
from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.tests.processors import signing
from apps.payments.tests.processors.operations import (
    APPROVED,
    Heard,
    dispute_news,
    insert_operation,
    operation_news,
    row_of,
)
from apps.payments.tests.processors.webhook_room import WebhookRoom
from contracts.ids import new_id
from contracts.message import Problem
from contracts.payments import OperationNeedsAttention
from outbox.database import Database
from outbox.responder import Refused

PENDING = Result(ResultStatus.PENDING, "ref_1")


@pytest.fixture
def room(database: Database) -> WebhookRoom:
    return WebhookRoom(database)


BODY = signing.sandbox_body({"operation": signing.operation_said()})


async def test_a_webhook_is_kept_raw_with_what_proves_it(room: WebhookRoom, sandbox: SandboxProcessor) -> None:
    headers = signing.sandbox_headers(BODY)
    told = {name.title(): value for name, value in headers.items()} | {"Cookie": "of no concern", "User-Agent": "sbx"}
    accepted = await room.accept(sandbox, told, BODY)
    assert accepted.is_new
    [row] = await room.webhooks()
    assert (row["id"], row["event_id"], row["kind"], row["status"]) == (
        accepted.id,
        "evt_1",
        "operation.updated",
        "received",
    )
    assert row["body"] == BODY
    assert set(signing.json_of(row["headers"])) == {*headers, "user-agent"}
    assert room.room.wakes == {"inbound"}


async def test_the_same_event_is_kept_once(room: WebhookRoom, sandbox: SandboxProcessor) -> None:
    first = await room.accept(sandbox, signing.sandbox_headers(BODY), BODY)
    again = await room.accept(sandbox, signing.sandbox_headers(BODY, age=timedelta(minutes=1)), BODY)
    assert (again.id, again.is_new) == (first.id, False)
    assert len(await room.webhooks()) == 1


async def test_what_is_of_no_concern_is_kept_and_ignored(room: WebhookRoom, sandbox: SandboxProcessor) -> None:
    body = signing.sandbox_body({}, kind="account.updated")
    await room.accept(sandbox, signing.sandbox_headers(body), body)
    assert await room.statuses() == ["ignored"]


async def test_refusals_keep_nothing(room: WebhookRoom, sandbox: SandboxProcessor) -> None:
    nonsense = b"{}"
    for headers, body, name, code in [
        (signing.sandbox_headers(BODY), BODY, "adyen", "processor_not_found"),
        ({}, BODY, "sandbox", "signature_invalid"),
        (signing.sandbox_headers(BODY), BODY + b" ", "sandbox", "signature_invalid"),
        (signing.sandbox_headers(BODY, age=timedelta(minutes=6)), BODY, "sandbox", "signature_invalid"),
        (signing.sandbox_headers(nonsense), nonsense, "sandbox", "webhook_malformed"),
    ]:
        with pytest.raises(Refused) as raised:
            await room.accept(sandbox, headers, body, name)
        assert raised.value.problem.code == code
    assert await room.webhooks() == []


async def test_news_of_an_operation_is_applied_once(room: WebhookRoom, database: Database) -> None:
    operation = await insert_operation(database)
    await room.keep(operation_news(operation), operation_news(operation))
    await room.look()
    assert await room.statuses() == ["applied", "ignored"]
    row = await row_of(database, operation)
    assert (row["status"], row["reference"]) == ("succeeded", "ref_1")
    assert {w["intent_id"] for w in await room.webhooks()} == {row["intent_id"]}


async def test_news_without_our_id_is_found_by_the_reference(room: WebhookRoom, database: Database) -> None:
    operation = await insert_operation(database, reference="ref_1")
    await room.keep(operation_news(None))
    await room.look()
    assert (await row_of(database, operation))["status"] == "succeeded"


async def test_another_processors_operation_is_not_touched(room: WebhookRoom, database: Database) -> None:
    operation = await insert_operation(database, reference="ref_1")
    await room.keep(operation_news(operation), operation_news(None), dispute_news("ref_1"), processor="stripe")
    await room.look()
    assert await room.statuses() == ["parked"] * 3
    assert (await row_of(database, operation))["status"] == "pending"


async def test_what_matches_nothing_yet_waits_for_it(room: WebhookRoom, database: Database) -> None:
    await room.keep(operation_news(None))
    await room.look()
    assert await room.statuses() == ["parked"]
    operation = await insert_operation(database, reference="ref_1")
    await room.look()
    assert await room.statuses() == ["parked"]  # not due yet
    await room.let_time_pass()
    await room.look()
    assert await room.statuses() == ["applied"]
    assert (await row_of(database, operation))["status"] == "succeeded"


async def test_after_three_days_somebody_has_to_look(room: WebhookRoom) -> None:
    await room.keep(operation_news(new_id()), age=timedelta(days=2, hours=23))
    await room.keep(operation_news(new_id()), age=timedelta(days=3))
    await room.look()
    assert await room.statuses() == ["parked", "attention"]
    [parked, attention] = await room.webhooks()
    assert parked["next_at"] > attention["received_at"]
    assert (attention["next_at"], attention["settled_at"]) == (None, None)


async def test_a_webhook_that_cannot_be_applied_delays_no_other(room: WebhookRoom, database: Database) -> None:
    operations = [await insert_operation(database) for _ in range(3)]
    heard = Heard(failing={operations[1]})
    await room.keep(*map(operation_news, operations))
    await room.look(heard)
    assert await room.statuses() == ["applied", "parked", "applied"]
    heard.failing.clear()
    await room.let_time_pass()
    await room.look(heard)
    assert await room.statuses() == ["applied"] * 3


DECLINED = Result(ResultStatus.DECLINED, "ref_1", Problem(code="card_declined", detail="No."))
UNAVAILABLE = Result(ResultStatus.FAILED)


@pytest.mark.parametrize(
    ("verb", "first", "then", "status"),
    [
        (Verb.CHARGE, DECLINED, APPROVED, "attention"),
        (Verb.CHARGE, UNAVAILABLE, APPROVED, "attention"),
        (Verb.AUTHORISE, DECLINED, APPROVED, "attention"),
        (Verb.CHARGE, APPROVED, DECLINED, "attention"),
        (Verb.AUTHORISE, APPROVED, DECLINED, "ignored"),  # so it is told that one was canceled or lapsed
        (Verb.CHARGE, DECLINED, PENDING, "ignored"),
        (Verb.CHARGE, APPROVED, APPROVED, "ignored"),
    ],
)
@pytest.mark.parametrize("together", [False, True])
async def test_what_contradicts_the_end_of_an_operation_is_for_a_person(
    room: WebhookRoom, database: Database, verb: Verb, first: Result, then: Result, status: str, together: bool
) -> None:
    """The money has moved after all, or has come back: it is on no account of ours, so somebody has to be told."""
    operation = await insert_operation(database, verb)
    await room.keep(operation_news(operation, first, "ref_1"))
    if not together:
        await room.look()
    await room.keep(operation_news(operation, then, "ref_1"))
    await room.look()
    assert await room.statuses() == ["applied", status]
    told = [said.data.operation_id for said in await room.room.said(OperationNeedsAttention)]
    assert told == [operation] * (status == "attention")


async def test_what_was_given_up_may_be_charged_meanwhile(room: WebhookRoom, database: Database) -> None:
    """Its void gives it back."""
    operation = await insert_operation(database)
    intent = (await row_of(database, operation))["intent_id"]
    action = Result(ResultStatus.REQUIRES_ACTION, "ref_1", None, "https://bank.example")
    await room.room.apply(OperationResult(operation, action))
    await database.pool.execute("UPDATE payment_intent SET deadline_at = now() - interval '1s' WHERE id = $1", intent)
    await room.room.apply(Timeout(intent))
    await room.keep(operation_news(operation))
    await room.look()
    assert await room.statuses() == ["ignored"]


async def test_a_dispute_waits_for_its_payment(room: WebhookRoom, database: Database) -> None:
    operation = await insert_operation(database)
    intent = (await row_of(database, operation))["intent_id"]
    await room.keep(operation_news(operation, PENDING), dispute_news("ref_1"))
    await room.look()
    assert await room.statuses() == ["applied", "parked"]
    await room.keep(operation_news(operation))
    await room.come_to_rest(intent)
    assert await room.statuses() == ["applied"] * 3
    assert (await room.final(intent))["funds"] == "held"


async def test_a_dispute_in_another_currency_is_for_a_person(room: WebhookRoom, database: Database) -> None:
    """Its amount is not one of ours, so that nothing of ours is held for it."""
    operation = await insert_operation(database)
    intent = (await row_of(database, operation))["intent_id"]
    await room.keep(operation_news(operation), replace(dispute_news("ref_1"), currency="JPY"))
    await room.come_to_rest(intent)
    assert await room.statuses() == ["applied", "attention"]
    assert (await room.final(intent))["disputed"] == 0


HTTP_ANSWER, LEDGER, LOOK, LATER = "HTTP answer", "ledger", "look", "later"
Event = str | tuple[str, str]
CHARGE: list[Event] = [("operation", "pending"), ("operation", "approved"), ("reference", "approved"), HTTP_ANSWER]
DECLINE: list[Event] = [("operation", "pending"), ("operation", "declined")]
DISPUTES: list[Event] = [("dispute", "needs_response"), ("dispute", "under_review")]
STORIES: dict[str, list[Event]] = {
    "charged": CHARGE,
    "declined": DECLINE,
    "disputed": CHARGE + DISPUTES,
    "lost": [*CHARGE, *DISPUTES, ("dispute", "lost")],
    "won": [*CHARGE, *DISPUTES, ("dispute", "won")],
}
PAID = {"state": "succeeded", "captured": 1250, "disputed": 0, "lost": 0}
NOTHING_DISPUTED = {"status": None, "funds": None}
ENDS: dict[str, dict[str, Any]] = {
    "charged": PAID | NOTHING_DISPUTED,
    "declined": NOTHING_DISPUTED | {"state": "requires_payment_method", "captured": 0, "disputed": 0, "lost": 0},
    "disputed": PAID | {"disputed": 1250, "status": "under_review", "funds": "held"},
    "lost": PAID | {"lost": 1250, "status": "lost", "funds": "taken"},
    "won": PAID | {"status": "won", "funds": "returned"},
}


DONE, POST, HELD = ("charge", "succeeded"), ("post", "succeeded"), ("hold", "succeeded")
LEDGER_EFFECTS: dict[str, Counter[tuple[str, str]]] = {
    "charged": Counter([DONE, POST]),
    "declined": Counter([("charge", "failed")]),
    "disputed": Counter([DONE, POST, HELD]),
    "lost": Counter([DONE, POST, HELD, ("capture_hold", "succeeded")]),
    "won": Counter([DONE, POST, HELD, ("void_hold", "succeeded")]),
}


@st.composite
def stories(draw: st.DrawFn) -> tuple[str, list[Event]]:
    """What a processor says of one payment, each at least once, in any order, and whatever else happens meanwhile."""
    name = draw(st.sampled_from(sorted(STORIES)))
    events = STORIES[name] + draw(st.lists(st.sampled_from([*STORIES[name], LEDGER, LOOK, LATER]), max_size=10))
    return name, draw(st.permutations(events))


async def happen(room: WebhookRoom, operation: UUID, intent: UUID, event: Event) -> None:
    """Let one thing happen; what it leaves to do is done some time later."""
    reference = f"ref_{operation}"
    match event:
        case ("dispute", status):
            await room.keep(dispute_news(reference, status, f"dp_{intent}"))
        case (named_by, status):
            result = Result(ResultStatus(status), reference)
            await room.keep(operation_news(operation if named_by == "operation" else None, result))
        case "HTTP answer":
            await room.room.apply(OperationResult(operation, Result(ResultStatus.APPROVED, reference)))
        case "ledger":
            await room.answer_ledger(intent)
        case "look":
            await room.look()
        case _:
            await room.let_time_pass()
            await room.look()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories())
async def test_whatever_the_order_the_end_is_the_same(database: Database, story: tuple[str, list[Event]]) -> None:
    name, events = story
    room = WebhookRoom(database)
    operation = await insert_operation(database)
    intent = (await row_of(database, operation))["intent_id"]
    for event in events:
        await happen(room, operation, intent, event)
    await room.come_to_rest(intent)
    final = await room.final(intent)
    assert {column: final[column] for column in ENDS[name]} == ENDS[name]
    # Of a dispute that is known to be won before it is known to be opened, nothing is ever held.
    assert final["operations"] in (LEDGER_EFFECTS[name], LEDGER_EFFECTS["charged" if name == "won" else name])
    assert {"received", "parked", "attention"}.isdisjoint(await room.statuses())
