"""What the outcome of a payment is over HTTP: the promise of 200, 201, 202, 402 and 503."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.ids import new_id
from contracts.message import Problem
from contracts.payments import ConfirmPaymentIntent, CreatePaymentIntent, GetPaymentIntent
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, accepted, completed, intent_of, refused

INSUFFICIENT = Problem(code="insufficient_funds", detail="The wallet holds less than 12.50 EUR.")


@pytest.fixture
def body(services: ScriptedServices, user: UUID) -> dict[str, Any]:
    return {
        "source_wallet": str(services.wallet(user)),
        "destination_wallet": str(services.wallet(new_id())),
        "amount": 1250,
        "currency": "EUR",
        "confirm": True,
    }


@pytest.fixture
def headers(services: ScriptedServices, user: UUID) -> dict[str, str]:
    return services.signer.bearer(user) | {"Idempotency-Key": "key-1"}


async def _pay(gateway: Gateway, body: dict[str, Any], headers: dict[str, str], **more: str) -> httpx.Response:
    return await gateway.http.post("/v1/payment_intents", json=body, headers=headers | more)


async def test_the_final_intent_is_the_answer(
    gateway: Gateway, services: ScriptedServices, user: UUID, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [
        accepted(intent_of(c, "processing")),
        0.01,
        completed(intent_of(c)),
    ]
    answer = await _pay(gateway, body, headers, **{"X-Correlation-Id": "shop-42"})
    assert answer.status_code == 201, answer.text
    (command,) = services.commands(CreatePaymentIntent)
    assert answer.json() == intent_of(command.data)
    assert answer.headers["Location"] == f"/v1/payment_intents/{command.data.payment_intent_id}"
    assert answer.headers["X-Correlation-Id"] == command.correlationid == "shop-42"
    assert command.data.customer == user
    assert command.data.idempotency.scope == f"{user}:create_payment_intent"
    assert command.deadline is not None
    assert 50 < (command.deadline - command.time).total_seconds() <= 60


async def test_the_trace_goes_on(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await _pay(gateway, body, headers, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    (command,) = services.commands(CreatePaymentIntent)
    assert command.traceparent is not None
    assert command.traceparent.split("-")[1] == trace


async def test_a_decline_is_402_and_embeds_the_intent(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [
        accepted(intent_of(c, "processing")),
        completed(intent_of(c, "requires_payment_method", last_payment_error=INSUFFICIENT.model_dump()), INSUFFICIENT),
    ]
    answer = await _pay(gateway, body, headers)
    document = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (402, "application/problem+json")
    assert (document["code"], document["detail"]) == ("insufficient_funds", INSUFFICIENT.detail)
    assert document["payment_intent"]["status"] == "requires_payment_method"


async def test_respond_async_answers_as_soon_as_the_payment_is_recorded(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [accepted(intent_of(c, "processing")), 5.0]
    answer = await _pay(gateway, body, headers, Prefer="respond-async")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert answer.json()["status"] == "processing"
    assert answer.headers["Content-Location"] == f"/v1/payment_intents/{answer.json()['id']}"


@pytest.mark.parametrize("prefer", ["wait=0", "respond-async, wait=0"])
async def test_waiting_for_nothing_still_waits_until_the_payment_is_recorded(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str], prefer: str
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [0.2, accepted(intent_of(c, "processing")), 5.0]
    answer = await _pay(gateway, body, headers, Prefer=prefer)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=0")
    assert answer.headers["Content-Location"] == f"/v1/payment_intents/{answer.json()['id']}"


async def test_an_outcome_that_takes_longer_than_the_wait_is_202(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [accepted(intent_of(c, "processing")), 60.0]
    async with running(settings(wait_seconds=20)) as gateway:
        started = time.monotonic()
        answer = await _pay(gateway, body, headers, Prefer="wait=1")
        assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")
        assert 0.9 < time.monotonic() - started < 15


REFUSALS = [
    ("idempotency_key_reused", 422),
    ("idempotency_key_in_progress", 409),
    ("same_wallet", 422),
    ("deadline_exceeded", 503),
    ("a_code_that_is_new_here", 422),
]


@pytest.mark.parametrize(("code", "status"), REFUSALS)
async def test_a_refusal_is_a_problem(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str], code: str, status: int
) -> None:
    services.scripts[CreatePaymentIntent] = lambda _: [refused(code, "Because.", "thing")]
    answer = await _pay(gateway, body, headers)
    document = answer.json()
    assert (answer.status_code, document["code"], document["detail"]) == (status, code, "Because.")
    assert (document["parameter"], document["type"]) == ("thing", f"/problems/{code}")
    assert ("Retry-After" in answer.headers) == (status == 503 or code == "idempotency_key_in_progress")


async def test_without_confirm_the_intent_waits_for_it(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c, "requires_confirmation"))]
    del body["confirm"]
    answer = await _pay(gateway, body, headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "requires_confirmation")
    assert services.commands(CreatePaymentIntent)[0].data.confirm is False


async def test_same_request_has_the_same_fingerprint_whatever_its_spelling(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    await _pay(gateway, body, headers)
    await _pay(gateway, dict(reversed(body.items())) | {"description": None}, headers)
    await _pay(gateway, body | {"amount": 1251}, headers)
    first, again, other = (c.data.idempotency for c in services.commands(CreatePaymentIntent))
    assert first == again
    assert first.fingerprint != other.fingerprint
    assert (first.scope, first.key) == (other.scope, other.key)


async def test_a_repeated_request_is_answered_with_the_first_ones_resource(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    first_id = str(new_id())
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c) | {"id": first_id})]
    answer = await _pay(gateway, body, headers)
    assert answer.headers["Location"] == f"/v1/payment_intents/{first_id}"


async def test_many_at_once_get_each_its_own_answer(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    answers = await asyncio.gather(
        *(_pay(gateway, body | {"amount": n}, headers | {"Idempotency-Key": f"k{n}"}) for n in range(1, 101))
    )
    assert [a.json()["amount"] for a in answers] == list(range(1, 101))
    assert len({a.json()["id"] for a in answers}) == 100


WRONG_WALLETS = ["source_wallet", "destination_wallet"]


@pytest.mark.parametrize("identifier", [str(new_id()), str(uuid4())])
@pytest.mark.parametrize("parameter", WRONG_WALLETS)
async def test_an_unknown_wallet_is_404_and_named(
    gateway: Gateway,
    services: ScriptedServices,
    body: dict[str, Any],
    headers: dict[str, str],
    parameter: str,
    identifier: str,
) -> None:
    answer = await _pay(gateway, body | {parameter: identifier}, headers)
    document = answer.json()
    assert (answer.status_code, document["code"], document["parameter"]) == (404, "wallet_not_found", parameter)
    assert services.commands(CreatePaymentIntent) == []


async def test_paying_from_somebody_elses_wallet_looks_like_from_none(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    theirs = await _pay(gateway, body | {"source_wallet": str(services.wallet(new_id()))}, headers)
    nobodys = await _pay(gateway, body | {"source_wallet": str(new_id())}, headers)
    assert theirs.status_code == 404
    assert theirs.json() | {"correlation_id": ""} == nobodys.json() | {"correlation_id": ""}


async def test_the_ledgers_own_accounts_are_nobodys_wallet(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = await _pay(gateway, body | {"destination_wallet": str(services.wallet(None))}, headers)
    assert (answer.status_code, answer.json()["parameter"]) == (404, "destination_wallet")


@pytest.mark.parametrize("parameter", WRONG_WALLETS)
async def test_money_stays_in_its_currency(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    body: dict[str, Any],
    headers: dict[str, str],
    parameter: str,
) -> None:
    answer = await _pay(gateway, body | {parameter: str(services.wallet(user, "USD"))}, headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "currency_mismatch")
    assert parameter in answer.json()["detail"]


async def test_wallet_facts_are_asked_for_once(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    for number in range(3):
        assert (await _pay(gateway, body, headers | {"Idempotency-Key": f"k{number}"})).status_code == 201
    assert len([e for e in services.heard if e.type.endswith("get_accounts.v1")]) == 1


async def test_confirming_again_after_a_decline(
    gateway: Gateway, services: ScriptedServices, user: UUID, headers: dict[str, str]
) -> None:
    intent_id = new_id()
    services.scripts[ConfirmPaymentIntent] = lambda c: [
        completed({"id": str(c.payment_intent_id), "status": "succeeded"})
    ]
    answer = await gateway.http.post(f"/v1/payment_intents/{intent_id}/confirm", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    (command,) = services.commands(ConfirmPaymentIntent)
    assert (command.data.payment_intent_id, command.data.customer) == (intent_id, user)
    assert command.data.idempotency.scope == f"{user}:confirm_payment_intent"


async def test_confirmations_of_two_intents_differ_in_their_fingerprint(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str]
) -> None:
    services.scripts[ConfirmPaymentIntent] = lambda c: [completed({"id": str(c.payment_intent_id)})]
    for _ in range(2):
        await gateway.http.post(f"/v1/payment_intents/{new_id()}/confirm", headers=headers)
    first, second = services.commands(ConfirmPaymentIntent)
    assert first.data.idempotency.fingerprint != second.data.idempotency.fingerprint


@pytest.mark.parametrize(
    ("code", "status"), [("payment_intent_not_found", 404), ("payment_intent_unexpected_state", 409)]
)
async def test_what_cannot_be_confirmed(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str], code: str, status: int
) -> None:
    services.scripts[ConfirmPaymentIntent] = lambda _: [refused(code)]
    answer = await gateway.http.post(f"/v1/payment_intents/{new_id()}/confirm", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_reading_an_intent(
    gateway: Gateway, services: ScriptedServices, user: UUID, headers: dict[str, str]
) -> None:
    intent_id = new_id()
    services.answers[GetPaymentIntent] = lambda q: completed({"id": str(q.id), "customer": str(q.customer)})
    answer = await gateway.http.get(f"/v1/payment_intents/{intent_id}", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"id": str(intent_id), "customer": str(user)})


@pytest.mark.parametrize("intent_id", [new_id(), uuid4()])
async def test_an_intent_that_is_not_there(gateway: Gateway, headers: dict[str, str], intent_id: UUID) -> None:
    for method, path in (("GET", ""), ("POST", "/confirm")):
        if method == "POST" and intent_id.version == 7:
            continue
        answer = await gateway.http.request(method, f"/v1/payment_intents/{intent_id}{path}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "payment_intent_not_found")
