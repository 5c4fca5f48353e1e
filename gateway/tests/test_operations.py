"""Operations: what has become of a command, read, followed, and asked for when a reply was lost."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import payments, risk, wallet
from contracts.ids import new_id
from contracts.message import Message, Problem, Reply
from contracts.outcomes import OutcomeAsked
from contracts.payments import ConfirmPaymentIntent, CreatePaymentIntent
from contracts.risk import DecideReview
from contracts.wallet import GetReconciliation, OpenAccount
from gateway.operations import KINDS, OperationName
from gateway.tests.conftest import Gateway, served
from gateway.tests.scripted_services import ScriptedServices, accepted, completed, intent_of, refused

INTENT = {"id": str(new_id()), "status": "succeeded"}
DECLINED = Problem(code="insufficient_funds", detail="The wallet holds less than that.")
KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)


def kept(reply: Reply) -> Reply:
    """What a service answers that keeps this reply."""
    return completed(reply.model_dump(mode="json", exclude_none=True) | {"recorded_at": "2026-01-05T09:30:00Z"})


@given(st.sampled_from(sorted(KINDS)), KEYS)
def test_an_id_says_name_and_key_and_is_safe_in_a_url(name: str, key: str) -> None:
    operation = OperationName(name, key)
    assert OperationName.parse(operation.id) == operation
    assert operation.id.removeprefix("op_").replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80) | st.from_regex("op_[A-Za-z0-9_-]{0,60}", fullmatch=True))
@example("op_b3Blbl93YWxsZXQ6ax")  # `open_wallet:k`, but for bits that base64 does not use: its id ends in `w`
def test_any_other_text_is_no_operation_or_the_only_id_of_one(text: str) -> None:
    operation = OperationName.parse(text)
    assert operation is None or operation.id == text


@pytest.mark.parametrize("meant", [b"nothing:k", b"top_up", b"top_up:", b"top_up:\n", b"TOP_UP:k", b"top_up:\xc3\xa9"])
def test_what_is_encoded_must_be_an_operation(meant: bytes) -> None:
    assert OperationName.parse("op_" + base64.urlsafe_b64encode(meant).rstrip(b"=").decode()) is None


OUTCOMES: list[tuple[Reply, dict[str, Any]]] = [
    (accepted({}), {"status": "processing"}),
    (
        completed(INTENT),
        {"status": "succeeded", "resource": INTENT, "location": f"/v1/payment_intents/{INTENT['id']}"},
    ),
    (completed(INTENT, DECLINED), {"status": "failed", "location": f"/v1/payment_intents/{INTENT['id']}"}),
    (refused("same_wallet"), {"status": "failed"}),
]


@pytest.mark.parametrize(("reply", "shown"), OUTCOMES)
async def test_an_operation_is_shown_as_it_stands(
    gateway: Gateway, services: ScriptedServices, user: UUID, reply: Reply, shown: dict[str, Any]
) -> None:
    asked: list[OutcomeAsked] = []

    def answer(question: OutcomeAsked) -> Reply:
        asked.append(question)
        return kept(reply)

    services.answers[payments.GetOutcome] = answer
    operation = OperationName("create_payment_intent", "key 1")
    response = await gateway.http.get(operation.location, headers=services.signer.bearer(user))
    document = response.json()
    problem = document.pop("problem", None)
    always = {"id": operation.id, "operation": "create_payment_intent", "recorded_at": "2026-01-05T09:30:00Z"}
    assert (response.status_code, document) == (200, always | shown)
    assert ("Retry-After" in response.headers) == (shown["status"] == "processing")
    assert [(a.scope, a.key, a.fingerprint) for a in asked] == [(f"{user}:create_payment_intent", "key 1", None)]
    assert (problem is not None) == (reply.problem is not None)
    if problem and reply.resource:
        assert (problem["status"], problem["code"], problem["payment_intent"]) == (402, DECLINED.code, INTENT)


async def test_of_somebody_else_of_nobody_and_of_no_kind_there_is_no_operation(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    owner = new_id()
    services.answers[wallet.GetOutcome] = lambda q: (
        kept(completed({"id": "w"})) if q.scope.startswith(str(owner)) else refused("operation_not_found")
    )
    operation = OperationName("open_wallet", "k")
    assert (await gateway.http.get(operation.location, headers=services.signer.bearer(owner))).status_code == 200
    for path in (operation.location, "/v1/operations/op_AAAA", f"/v1/operations/{new_id()}", "/v1/operations/op_%00"):
        for tail in ("", "/events"):
            answer = await gateway.http.get(path + tail, headers=services.signer.bearer(user))
            assert (answer.status_code, answer.json()["code"]) == (404, "operation_not_found"), path
    assert (await gateway.http.get(operation.location)).status_code == 401


@pytest.mark.parametrize(
    ("name", "scope"), [("open_wallet", "payments"), ("create_refund", "wallets"), ("top_up", "wallets payments")]
)
async def test_an_operation_needs_the_scope_of_its_command(
    gateway: Gateway, services: ScriptedServices, user: UUID, name: str, scope: str
) -> None:
    for tail in ("", "/events"):
        path = OperationName(name, "k").location + tail
        answer = await gateway.http.get(path, headers=services.signer.bearer(user, scope=scope))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_without_its_service_an_operation_cannot_be_read(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    del services.answers[payments.GetOutcome]
    path = OperationName("create_refund", "k").location
    for tail in ("", "/events"):
        answer = await gateway.http.get(path + tail, headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("status", "shown"), [("importing", "processing"), ("matching", "processing"), ("matched", "succeeded")]
)
async def test_a_statement_is_under_way_until_it_is_matched(
    gateway: Gateway, services: ScriptedServices, status: str, shown: str
) -> None:
    """Its upload is answered by many commands, of which the first carries the key."""
    identifier = str(new_id())
    services.answers[wallet.GetOutcome] = lambda _: kept(completed({"id": identifier, "status": "importing"}))
    services.answers[GetReconciliation] = lambda q: completed({"id": str(q.id), "status": status})
    answer = await gateway.http.get(OperationName("reconcile", "k").location, headers=services.signer.operator())
    assert answer.json()["status"] == shown


async def _events(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    async with asyncio.timeout(30), http.stream("GET", path, headers=headers) as stream:
        assert stream.status_code == 200, await stream.aread()
        block: dict[str, str] = {}
        async for line in stream.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
            elif "event" in block:
                yield block
                block = {}
            else:
                block = {}


async def test_a_stream_ends_with_the_outcome(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[payments.GetOutcome] = lambda _: kept(accepted({}))
    path = OperationName("create_payment_intent", "k").location + "/events"
    async with served(gateway) as http:
        events = _events(http, path, services.signer.bearer(user))
        first = await anext(events)
        assert (first["event"], first["id"]) == ("operation.processing", "1")
        del services.answers[payments.GetOutcome]  # the service is away for a while
        await asyncio.sleep(0.1)
        services.answers[payments.GetOutcome] = lambda _: kept(completed(INTENT))
        [last] = [event async for event in events]
        assert (last["event"], last["id"]) == ("operation.succeeded", "2")
        assert json.loads(last["data"])["resource"] == INTENT
    assert gateway.parts.streams._of.total() == 0


async def test_who_has_seen_the_outcome_is_told_not_to_come_back(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.answers[payments.GetOutcome] = lambda _: kept(refused("same_wallet"))
    path, headers = OperationName("create_payment_intent", "k").location + "/events", services.signer.bearer(user)
    async with served(gateway) as http:
        assert [event["event"] async for event in _events(http, path, headers)] == ["operation.failed"]
        assert (await http.get(path, headers=headers | {"Last-Event-ID": "2"})).status_code == 204


# A reply that is lost

COMMANDS: list[tuple[str, type[Message], type[Message], Any, int]] = [
    ("/v1/wallets", OpenAccount, wallet.GetOutcome, {"currency": "EUR"}, 201),
    (f"/v1/payment_intents/{INTENT['id']}/confirm", ConfirmPaymentIntent, payments.GetOutcome, None, 200),
    (
        f"/v1/reviews/{INTENT['id']}/decision",
        DecideReview,
        risk.GetOutcome,
        {"outcome": "approve", "note": "Called them"},
        200,
    ),
]


async def _ask(gateway: Gateway, services: ScriptedServices, path: str, body: Any) -> httpx.Response:
    headers = services.signer.operator() | {"Idempotency-Key": "key-1", "Prefer": "wait=1"}
    return await gateway.http.post(path, json=body, headers=headers)


@pytest.mark.parametrize(("path", "command", "question", "body", "success"), COMMANDS)
async def test_a_lost_reply_is_made_good_by_what_the_service_keeps(
    gateway: Gateway,
    services: ScriptedServices,
    path: str,
    command: type[Message],
    question: type[Message],
    body: Any,
    success: int,
) -> None:
    services.scripts[command] = lambda _: []
    services.answers[question] = lambda _: kept(completed(INTENT))
    answer = await _ask(gateway, services, path, body)
    assert (answer.status_code, answer.json()) == (success, INTENT)
    [sent] = services.commands(command)
    [asked] = services.commands(question)
    assert asked.data.model_dump() == sent.data.idempotency.model_dump()


FOUND = [(refused("idempotency_key_reused"), 422), (refused("payment_intent_unexpected_state"), 409)]


@pytest.mark.parametrize(("reply", "status"), FOUND)
async def test_a_refusal_whose_reply_is_lost(
    gateway: Gateway, services: ScriptedServices, reply: Reply, status: int
) -> None:
    path, command, question, body, _ = COMMANDS[1]
    services.scripts[command] = lambda _: []
    for answered in (reply, kept(reply)):  # refused now, as another request under the key is; or refused then
        services.answers[question] = lambda _, answered=answered: answered  # type: ignore[misc]
        assert (await _ask(gateway, services, path, body)).status_code == status


async def test_what_is_recorded_without_more_is_the_operation(gateway: Gateway, services: ScriptedServices) -> None:
    """The service accepts with nothing to show; or its reply is lost, and it says that the command is under way."""
    path, command, question, body, _ = COMMANDS[1]
    services.answers[question] = lambda _: kept(accepted({}))
    scripts: list[list[Reply | float]] = [[], [accepted({}), 5.0]]
    for replies in scripts:
        services.scripts[command] = lambda _, replies=replies: replies  # type: ignore[misc]
        answer = await _ask(gateway, services, path, body)
        operation = OperationName("confirm_payment_intent", "key-1")
        shown = {"id": operation.id, "status": "processing", "operation": operation.name}
        assert (answer.status_code, answer.json()) == (202, shown)
        assert answer.headers["Location"] == answer.headers["Content-Location"] == operation.location
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Preference-Applied"] == "wait=1"


@pytest.mark.parametrize("answers", [True, False])
async def test_unknown_is_503_and_names_the_operation(
    gateway: Gateway, services: ScriptedServices, *, answers: bool
) -> None:
    path, command, question, body, _ = COMMANDS[1]
    services.scripts[command] = lambda _: []
    if not answers:
        del services.answers[question]
    answer = await _ask(gateway, services, path, body)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert "same Idempotency-Key" in answer.json()["detail"]
    assert answer.json()["operation"] == OperationName("confirm_payment_intent", "key-1").location
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_key_in_progress_names_the_operation_to_follow(gateway: Gateway, services: ScriptedServices) -> None:
    path, command, _, body, _ = COMMANDS[1]
    services.scripts[command] = lambda _: [refused("idempotency_key_in_progress")]
    answer = await _ask(gateway, services, path, body)
    assert answer.status_code == 409
    assert answer.json()["operation"] == OperationName("confirm_payment_intent", "key-1").location


async def test_a_202_is_followed_to_its_outcome(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    mine, theirs = str(services.wallet(user)), str(services.wallet(new_id()))
    body = {"source_wallet": mine, "destination_wallet": theirs, "amount": 1250, "currency": "EUR", "confirm": True}
    services.scripts[CreatePaymentIntent] = lambda c: [accepted(intent_of(c, "processing"))]
    headers = services.signer.bearer(user) | {"Idempotency-Key": "k", "Prefer": "respond-async"}
    recorded = await gateway.http.post("/v1/payment_intents", json=body, headers=headers)
    assert recorded.status_code == 202
    assert recorded.headers["Content-Location"] == f"/v1/payment_intents/{recorded.json()['id']}"
    done = recorded.json() | {"status": "succeeded", "updated_at": datetime.now(UTC).isoformat()}
    services.answers[payments.GetOutcome] = lambda _: kept(completed(done))
    followed = (await gateway.http.get(recorded.headers["Location"], headers=headers)).json()
    assert (followed["status"], followed["resource"]) == ("succeeded", done)
    assert followed["location"] == recorded.headers["Content-Location"]
