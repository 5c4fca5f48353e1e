"""Lists of payments, refunds, disputes and hops: their filters, and that nobody's are guessed at."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.message import Message
from contracts.payments import (
    GetDispute,
    GetRefund,
    GetTimeline,
    ListDisputes,
    ListPaymentIntents,
    ListRefunds,
)
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

INTENT, BEFORE = new_id(), new_id()
PATH = "/v1/payment_intents"
LISTS: list[tuple[str, dict[str, Any], type[Message], str, dict[str, Any]]] = [
    (PATH, {}, ListPaymentIntents, "payment_intents", {"limit": 20}),
    (
        PATH,
        {
            "status": "succeeded",
            "direction": "top_up",
            "customer": str(BEFORE),
            "currency": "EUR",
            "amount_from": "100",
            "amount_to": "2000",
            "created_from": "2026-01-01T00:00:00+01:00",
            "created_to": "2026-02-01T00:00:00Z",
            "metadata[order]": "4711",
            "metadata[a b]": "",
            "before": str(BEFORE),
            "limit": "7",
        },
        ListPaymentIntents,
        "payment_intents",
        {
            "status": "succeeded",
            "direction": "top_up",
            "customer": str(BEFORE),
            "currency": "EUR",
            "amount_from": 100,
            "amount_to": 2000,
            "created_from": "2025-12-31T23:00:00Z",
            "created_to": "2026-02-01T00:00:00Z",
            "metadata": {"order": "4711", "a b": ""},
            "before": str(BEFORE),
            "limit": 7,
        },
    ),
    ("/v1/refunds", {}, ListRefunds, "refunds", {"limit": 20}),
    (
        "/v1/refunds",
        {"payment_intent": str(INTENT), "before": str(BEFORE), "limit": "7"},
        ListRefunds,
        "refunds",
        {"payment_intent": str(INTENT), "before": str(BEFORE), "limit": 7},
    ),
    ("/v1/disputes", {"status": "lost"}, ListDisputes, "disputes", {"status": "lost", "limit": 20}),
    (
        f"{PATH}/{INTENT}/timeline",
        {"after": "3"},
        GetTimeline,
        "hops",
        {"payment_intent": str(INTENT), "after": 3, "limit": 100},
    ),
]


@pytest.mark.parametrize(("path", "parameters", "kind", "listed", "asked"), LISTS)
async def test_what_is_asked_for_is_what_is_listed(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    path: str,
    parameters: dict[str, Any],
    kind: type[Message],
    listed: str,
    asked: dict[str, Any],
) -> None:
    services.answers[kind] = lambda _: completed({listed: [{"id": "one"}]})
    answer = await gateway.http.get(path, params=parameters, headers=services.signer.bearer(user))
    assert answer.status_code == 200, answer.text
    more = "next_after" if listed == "hops" else "next_before"
    assert answer.json() == {listed: [{"id": "one"}], more: None}
    (query,) = services.commands(kind)
    assert query.data.model_dump(mode="json", exclude_none=True) == {"party": str(user)} | asked


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        (PATH, "limit=0", "query/limit"),
        (PATH, "limit=101", "query/limit"),
        (PATH, "limit=1&limit=2", "query/limit"),
        (PATH, "state=succeeded", "query/state"),
        (PATH, "status=paid", "query/status"),
        (PATH, "status[a]=paid", "query/status[a]"),
        (PATH, "currency=eur", "query/currency"),
        (PATH, "amount_from=-1", "query/amount_from"),
        (PATH, "amount_to=9999999999999999999999", "query/amount_to"),
        (PATH, "created_from=yesterday", "query/created_from"),
        (PATH, "created_from=1767605520", "query/created_from"),
        (PATH, "before=here", "query/before"),
        (PATH, "metadata=4711", "query/metadata"),
        (PATH, "metadata[]=4711", "query/metadata[]"),
        (PATH, "metadata[a]=1&metadata[a]=2", "query/metadata[a]"),
        (PATH, f"metadata[{'k' * 41}]=1", "query/metadata"),
        (PATH, f"metadata[a]={'v' * 501}", "query/metadata"),
        (PATH, "metadata[a]=%00", "query/metadata"),
        ("/v1/refunds", "payment=1", "query/payment"),
        ("/v1/refunds", f"payment_intent={uuid4()}", "query/payment_intent"),
        ("/v1/disputes", "status=open", "query/status"),
        (f"{PATH}/{INTENT}/timeline", "after=-1", "query/after"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(
    gateway: Gateway, services: ScriptedServices, user: UUID, path: str, query: str, location: str
) -> None:
    answer = await gateway.http.get(f"{path}?{query}", headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert answer.json()["errors"][0]["location"].startswith(location)


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [("/v1/refunds", GetRefund, "refund_not_found"), ("/v1/disputes", GetDispute, "dispute_not_found")],
)
async def test_reading_one(
    gateway: Gateway, services: ScriptedServices, user: UUID, path: str, kind: type[Message], code: str
) -> None:
    headers = services.signer.bearer(user)
    services.answers[kind] = lambda q: completed({"id": str(q.id), "party": str(q.party)})
    answer = await gateway.http.get(f"{path}/{BEFORE}", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"id": str(BEFORE), "party": str(user)})
    services.answers[kind] = lambda _: refused(code)
    for identifier in (BEFORE, uuid4()):
        answer = await gateway.http.get(f"{path}/{identifier}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
