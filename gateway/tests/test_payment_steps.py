"""Changing, confirming, capturing and canceling a payment; a lost reply is made good only by what it alone can mean."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.ids import new_id
from contracts.message import Message, Problem
from contracts.payments import (
    CancelPaymentIntent,
    CapturePaymentIntent,
    ConfirmPaymentIntent,
    UpdatePaymentIntent,
)
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import NOW, ScriptedServices, accepted, completed, refused

INTENT, CUSTOMER = new_id(), new_id()
PATH = f"/v1/payment_intents/{INTENT}"
CARD = {"type": "card", "token": "tok_visa"}


@pytest.fixture
def headers(services: ScriptedServices, user: UUID) -> dict[str, str]:
    return services.signer.bearer(user) | {"Idempotency-Key": "key-1"}


def _intent(**more: Any) -> dict[str, Any]:
    shown = {"id": str(INTENT), "customer": str(CUSTOMER), "amount": 1250, "currency": "EUR", "status": "succeeded"}
    return shown | {"created_at": NOW, "updated_at": NOW} | more


async def _post(gateway: Gateway, step: str, headers: dict[str, str], body: Any = None, **more: str) -> httpx.Response:
    return await gateway.http.post(f"{PATH}{step}", json=body, headers=headers | more)


UNSAID = {"idempotency", "authenticated_at", "address"}
STEPS: list[tuple[str, type[Message], Any, dict[str, Any]]] = [
    ("/confirm", ConfirmPaymentIntent, None, {"customer": "user"}),
    ("/confirm", ConfirmPaymentIntent, {"payment_method": CARD, "return_url": "https://shop.example/"},
     {"customer": "user", "payment_method": CARD, "return_url": "https://shop.example/"}),
    ("/capture", CapturePaymentIntent, None, {"merchant": "user", "final": True}),
    ("/capture", CapturePaymentIntent, {"amount": 750, "final_capture": False},
     {"merchant": "user", "amount": 750, "final": False}),
    ("/cancel", CancelPaymentIntent, None, {"asked_by": "user"}),
    ("/cancel", CancelPaymentIntent, {"cancellation_reason": "duplicate"}, {"asked_by": "user", "reason": "duplicate"}),
    ("", UpdatePaymentIntent, {"amount": 1300, "payment_method": CARD, "metadata": {"a": "b"}},
     {"customer": "user", "amount": 1300, "payment_method": CARD, "metadata": {"a": "b"}}),
]  # fmt: skip


@pytest.mark.parametrize(("step", "kind", "body", "sent"), STEPS)
async def test_what_is_asked_is_what_payments_is_told(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    headers: dict[str, str],
    step: str,
    kind: type[Message],
    body: Any,
    sent: dict[str, Any],
) -> None:
    services.scripts[kind] = lambda _: [completed(_intent())]
    answer = await _post(gateway, step, headers, body)
    assert (answer.status_code, answer.json()) == (200, _intent()), answer.text
    (command,) = services.commands(kind)
    told = command.data.model_dump(mode="json", exclude=UNSAID, exclude_none=True)
    assert told == {"payment_intent_id": str(INTENT)} | {k: str(user) if v == "user" else v for k, v in sent.items()}
    name = kind.contract.subject.rsplit(".", maxsplit=1)[-1]
    assert command.data.idempotency.scope == f"{user}:{name}"


@pytest.mark.parametrize("auth_time", [1_767_605_400, None])
async def test_payments_is_told_when_the_payer_last_proved_who_they_are(
    gateway: Gateway, services: ScriptedServices, user: UUID, headers: dict[str, str], auth_time: int | None
) -> None:
    services.scripts[ConfirmPaymentIntent] = lambda _: [completed(_intent())]
    token = services.signer.bearer(user, auth_time=auth_time)
    assert (await _post(gateway, "/confirm", headers | token, None)).status_code == 200
    (command,) = services.commands(ConfirmPaymentIntent)
    told = command.data.authenticated_at
    assert (told and told.timestamp()) == auth_time


@pytest.mark.parametrize(("step", "kind", "body", "sent"), STEPS)
async def test_what_payments_refuses_is_a_problem(
    gateway: Gateway,
    services: ScriptedServices,
    headers: dict[str, str],
    step: str,
    kind: type[Message],
    body: Any,
    sent: Any,  # noqa: ARG001
) -> None:
    services.scripts[kind] = lambda _: [refused("payment_intent_unexpected_state", "It has succeeded.")]
    answer = await _post(gateway, step, headers, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_intent_unexpected_state")


@pytest.mark.parametrize("step", ["", "/confirm", "/capture", "/cancel"])
async def test_an_id_that_is_none_of_ours_is_not_found(gateway: Gateway, headers: dict[str, str], step: str) -> None:
    body = {"amount": 1} if not step else None
    answer = await gateway.http.post(f"/v1/payment_intents/{uuid4()}{step}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "payment_intent_not_found")


WRONG_BODIES = [
    ("", {}, "body"),
    ("", {"currency": "USD"}, "body/currency"),
    ("/confirm", {"confirm": True}, "body/confirm"),
    ("/capture", {"amount": 0}, "body/amount"),
    ("/capture", {"final_capture": "false"}, "body/final_capture"),
    ("/cancel", {"cancellation_reason": "expired"}, "body/cancellation_reason"),
    ("/cancel", {"cancellation_reason": "because"}, "body/cancellation_reason"),
]


@pytest.mark.parametrize(("step", "body", "location"), WRONG_BODIES)
async def test_a_body_that_does_not_fit(
    gateway: Gateway, headers: dict[str, str], step: str, body: dict[str, Any], location: str
) -> None:
    answer = await _post(gateway, step, headers, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["location"] == location


@pytest.mark.parametrize("step", ["", "/confirm"])
async def test_nobody_pays_from_somebody_elses_wallet(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str], step: str
) -> None:
    theirs = {"type": "wallet", "wallet": str(services.wallet(new_id()))}
    answer = await _post(gateway, step, headers, {"payment_method": theirs})
    assert (answer.status_code, answer.json()["parameter"]) == (404, "payment_method")
    assert services.commands(ConfirmPaymentIntent) == services.commands(UpdatePaymentIntent) == []


async def test_a_capture_that_is_declined_is_402_and_embeds_the_intent(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str]
) -> None:
    problem = Problem(code="card_declined", detail="The card's bank took the authorisation back.")
    intent = _intent(status="requires_capture")
    services.scripts[CapturePaymentIntent] = lambda _: [accepted(intent), completed(intent, problem)]
    answer = await _post(gateway, "/capture", headers)
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined")
    assert answer.json()["payment_intent"]["status"] == "requires_capture"
