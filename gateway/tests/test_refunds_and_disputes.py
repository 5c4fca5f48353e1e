"""Giving money back, answering disputes, and deciding reviews."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.message import Problem
from contracts.payments import CreateRefund, SubmitEvidence
from contracts.risk import DecideReview, ListReviews
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import NOW, ScriptedServices, accepted, completed, refused

INTENT, DISPUTE = new_id(), new_id()
EVIDENCE = {"shipping_tracking_number": "1Z999AA10123456784"}


@pytest.fixture
def headers(services: ScriptedServices, user: UUID) -> dict[str, str]:
    return services.signer.bearer(user) | {"Idempotency-Key": "key-1"}


def _refund(command: CreateRefund, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    shown = {"id": str(command.refund_id), "payment_intent": str(command.payment_intent_id), "status": status}
    return shown | {"amount": command.amount or 1250, "currency": "EUR", "created_at": NOW, "updated_at": NOW} | more


async def test_a_refund_is_told_to_payments_and_answered(
    gateway: Gateway, services: ScriptedServices, user: UUID, headers: dict[str, str]
) -> None:
    services.scripts[CreateRefund] = lambda c: [accepted(_refund(c, "pending")), 0.01, completed(_refund(c))]
    body = {"payment_intent": str(INTENT), "amount": 400, "reason": "duplicate", "metadata": {"order": "4711"}}
    answer = await gateway.http.post("/v1/refunds", json=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded"), answer.text
    (command,) = services.commands(CreateRefund)
    assert answer.headers["Location"] == f"/v1/refunds/{command.data.refund_id}"
    told = command.data.model_dump(mode="json", exclude={"refund_id", "idempotency"})
    told["payment_intent"] = told.pop("payment_intent_id")
    assert told == body | {"merchant": str(user)}


async def test_a_refund_that_takes_longer_is_202(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str]
) -> None:
    services.scripts[CreateRefund] = lambda c: [accepted(_refund(c, "pending")), 5.0]
    answer = await gateway.http.post(
        "/v1/refunds", json={"payment_intent": str(INTENT)}, headers=headers | {"Prefer": "wait=1"}
    )
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["Content-Location"] == f"/v1/refunds/{answer.json()['id']}"


FAILURE = Problem(code="insufficient_funds", detail="The merchant's wallet holds less than 4.00 EUR.")


async def test_a_refund_that_fails_is_402_and_embedded(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str]
) -> None:
    services.scripts[CreateRefund] = lambda c: [completed(_refund(c, "failed"), FAILURE)]
    answer = await gateway.http.post("/v1/refunds", json={"payment_intent": str(INTENT)}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_funds")
    assert answer.json()["refund"]["status"] == "failed"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("payment_intent_not_found", 404),
        ("payment_intent_unexpected_state", 409),
        ("refund_exceeds_captured", 409),
        ("refund_not_possible", 409),
    ],
)
async def test_what_cannot_be_refunded(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str], code: str, status: int
) -> None:
    services.scripts[CreateRefund] = lambda _: [refused(code)]
    answer = await gateway.http.post("/v1/refunds", json={"payment_intent": str(INTENT)}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_refund_of_somebody_elses_payment_names_the_bodys_own_member(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str]
) -> None:
    services.scripts[CreateRefund] = lambda _: [refused("payment_intent_not_found", parameter="payment_intent_id")]
    answer = await gateway.http.post("/v1/refunds", json={"payment_intent": str(INTENT)}, headers=headers)
    assert (answer.status_code, answer.json()["parameter"]) == (404, "payment_intent")


async def test_a_refund_of_no_payment_of_ours(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = await gateway.http.post("/v1/refunds", json={"payment_intent": str(uuid4())}, headers=headers)
    document = answer.json()
    told = (answer.status_code, document["code"], document["parameter"])
    assert told == (404, "payment_intent_not_found", "payment_intent")


def _dispute(**more: Any) -> dict[str, Any]:
    shown = {"id": str(DISPUTE), "payment_intent": str(INTENT), "processor": "sandbox", "amount": 1250}
    shown |= {"currency": "EUR", "reason": "fraudulent", "status": "needs_response", "funds": "held"}
    return shown | {"created_at": NOW, "updated_at": NOW} | more


async def test_evidence_is_told_to_payments(
    gateway: Gateway, services: ScriptedServices, user: UUID, headers: dict[str, str]
) -> None:
    services.scripts[SubmitEvidence] = lambda _: [completed(_dispute(status="under_review", evidence=EVIDENCE))]
    path = f"/v1/disputes/{DISPUTE}/evidence"
    answer = await gateway.http.post(path, json={"evidence": EVIDENCE}, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "under_review"), answer.text
    (command,) = services.commands(SubmitEvidence)
    told = command.data.model_dump(mode="json", exclude={"idempotency"})
    assert told == {"dispute_id": str(DISPUTE), "merchant": str(user), "evidence": EVIDENCE}


@pytest.mark.parametrize(
    ("code", "status"), [("dispute_not_found", 404), ("dispute_closed", 409), ("evidence_submitted", 409)]
)
async def test_a_dispute_that_cannot_be_answered(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str], code: str, status: int
) -> None:
    services.scripts[SubmitEvidence] = lambda _: [refused(code)]
    path = f"/v1/disputes/{DISPUTE}/evidence"
    answer = await gateway.http.post(path, json={"evidence": EVIDENCE}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    unknown = f"/v1/disputes/{uuid4()}/evidence"
    assert (await gateway.http.post(unknown, json={"evidence": EVIDENCE}, headers=headers)).status_code == 404


@pytest.mark.parametrize(
    "evidence", [{}, {"Name": "x"}, {"name": 7}, {"name": "x" * 5001}, {f"n{'a' * i}": "x" for i in range(21)}]
)
async def test_evidence_that_does_not_fit(gateway: Gateway, headers: dict[str, str], evidence: Any) -> None:
    path = f"/v1/disputes/{DISPUTE}/evidence"
    answer = await gateway.http.post(path, json={"evidence": evidence}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_analysts_see_and_decide_reviews(gateway: Gateway, services: ScriptedServices) -> None:
    analyst = services.signer.operator() | {"Idempotency-Key": "key-1"}
    services.answers[ListReviews] = lambda _: completed({"reviews": [{"payment_intent_id": str(INTENT)}]})
    listed = await gateway.http.get(f"/v1/reviews?limit=5&before={DISPUTE}", headers=analyst)
    assert listed.json() == {"reviews": [{"payment_intent_id": str(INTENT)}], "next_before": None}
    services.scripts[DecideReview] = lambda c: [completed({"payment_intent_id": str(c.payment_intent_id)})]
    body = {"outcome": "approve", "note": "Called the customer back"}
    decided = await gateway.http.post(f"/v1/reviews/{INTENT}/decision", json=body, headers=analyst)
    assert (decided.status_code, decided.json()) == (200, {"payment_intent_id": str(INTENT)})
    (command,) = services.commands(DecideReview)
    told = command.data.model_dump(mode="json", exclude={"idempotency", "decided_by"})
    assert told == body | {"payment_intent_id": str(INTENT)}


async def test_customers_decide_no_reviews(
    gateway: Gateway, services: ScriptedServices, headers: dict[str, str]
) -> None:
    body = {"outcome": "approve", "note": "Let me"}
    for method, path in (("GET", "/v1/reviews"), ("POST", f"/v1/reviews/{INTENT}/decision")):
        answer = await gateway.http.request(method, path, json=body if method == "POST" else None, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert services.commands(DecideReview) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"outcome": "review", "note": "x"}, 422),
        ({"outcome": "approve"}, 422),
        ({"outcome": "approve", "note": ""}, 422),
    ],
)
async def test_a_decision_that_is_none(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], status: int
) -> None:
    analyst = services.signer.operator() | {"Idempotency-Key": "key-1"}
    answer = await gateway.http.post(f"/v1/reviews/{INTENT}/decision", json=body, headers=analyst)
    assert answer.status_code == status
    unknown = await gateway.http.post(
        f"/v1/reviews/{uuid4()}/decision", json={"outcome": "decline", "note": "No"}, headers=analyst
    )
    assert (unknown.status_code, unknown.json()["code"]) == (404, "review_not_found")
