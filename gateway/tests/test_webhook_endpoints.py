"""Managing webhook endpoints and their deliveries: requests, not commands, so that no secret enters a stream."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.message import Kind, Message
from contracts.payments import (
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    GetWebhookEndpoint,
    GetWebhookKeys,
    ListDeliveries,
    ListWebhookEndpoints,
    Redeliver,
    ReplayEvents,
    RotateWebhookSecret,
    SendTestEvent,
    UpdateWebhookEndpoint,
)
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

ENDPOINT, DELIVERY = new_id(), new_id()
PATH = "/v1/webhook_endpoints"
ONE = f"{PATH}/{ENDPOINT}"
NEW = {"url": "https://shop.example/hooks", "events": ["payment_intent.*"], "description": "The shop"}
ASKED: list[tuple[str, str, Any, type[Message], dict[str, Any]]] = [
    ("GET", PATH, None, ListWebhookEndpoints, {}),
    ("GET", ONE, None, GetWebhookEndpoint, {"id": str(ENDPOINT)}),
    ("PATCH", ONE, {"status": "enabled"}, UpdateWebhookEndpoint, {"id": str(ENDPOINT), "status": "enabled"}),
    ("PATCH", ONE, NEW, UpdateWebhookEndpoint, {"id": str(ENDPOINT)} | NEW),
    ("POST", f"{ONE}/rotate_secret", None, RotateWebhookSecret, {"id": str(ENDPOINT), "overlap_hours": 24}),
    ("POST", f"{ONE}/rotate_secret", {"overlap_hours": 0}, RotateWebhookSecret,
     {"id": str(ENDPOINT), "overlap_hours": 0}),
    ("POST", f"{ONE}/test", None, SendTestEvent, {"id": str(ENDPOINT)}),
    ("POST", f"/v1/webhook_deliveries/{DELIVERY}/redeliver", None, Redeliver, {"id": str(DELIVERY)}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "kind", "sent"), ASKED)
async def test_what_is_asked_is_what_payments_is_told(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    method: str,
    path: str,
    body: Any,
    kind: type[Message],
    sent: dict[str, Any],
) -> None:
    services.answers[kind] = lambda _: completed({"id": "one"})
    answer = await gateway.http.request(method, path, json=body, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()) == (200, {"id": "one"}), answer.text
    (query,) = services.commands(kind)
    assert kind.contract.kind is Kind.QUERY
    assert query.data.model_dump(mode="json", exclude_none=True) == {"owner": str(user)} | sent


async def test_a_new_endpoint_shows_its_secret_and_where_it_is(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.answers[CreateWebhookEndpoint] = lambda _: completed({"id": str(ENDPOINT), "secret": "whsec_x"})
    answer = await gateway.http.post(PATH, json=NEW, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.headers["Location"]) == (201, ONE)
    assert answer.json()["secret"] == "whsec_x"
    assert answer.headers["Cache-Control"] == "no-store"
    (query,) = services.commands(CreateWebhookEndpoint)
    assert query.data.model_dump(mode="json") == {"owner": str(user)} | NEW


async def test_removing_one(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[DeleteWebhookEndpoint] = lambda _: completed({"id": str(ENDPOINT)})
    answer = await gateway.http.delete(ONE, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.content) == (204, b"")


async def test_deliveries_are_listed_page_by_page(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ListDeliveries] = lambda _: completed({"deliveries": []})
    path = f"{ONE}/deliveries?status=failed&before={DELIVERY}&limit=3"
    answer = await gateway.http.get(path, headers=services.signer.bearer(user))
    assert answer.json() == {"deliveries": [], "next_before": None}
    (query,) = services.commands(ListDeliveries)
    asked = {"endpoint": str(ENDPOINT), "owner": str(user), "status": "failed", "before": str(DELIVERY), "limit": 3}
    assert query.data.model_dump(mode="json") == asked


async def test_events_are_replayed_from_an_instant_on(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ReplayEvents] = lambda _: completed({"deliveries": 12})
    body = {"since": "2026-01-05T01:00:00+01:00"}
    answer = await gateway.http.post(f"{ONE}/replay", json=body, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()) == (200, {"deliveries": 12, "next_since": None})
    (query,) = services.commands(ReplayEvents)
    asked = {"endpoint": str(ENDPOINT), "owner": str(user), "since": "2026-01-05T00:00:00Z"}
    assert query.data.model_dump(mode="json") == asked


async def test_the_keys_are_open_to_anybody(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[GetWebhookKeys] = lambda _: completed({"keys": [{"kty": "OKP"}]})
    answer = await gateway.http.get("/v1/webhook_keys")
    assert (answer.status_code, answer.json()) == (200, {"keys": [{"kty": "OKP"}]})


@pytest.mark.parametrize(
    ("code", "status"), [("endpoint_url_refused", 422), ("too_many_endpoints", 409), ("invalid_message", 422)]
)
async def test_what_payments_refuses_is_a_problem(
    gateway: Gateway, services: ScriptedServices, user: UUID, code: str, status: int
) -> None:
    services.answers[CreateWebhookEndpoint] = lambda _: refused(code)
    answer = await gateway.http.post(PATH, json=NEW, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "kind", "parameter"),
    [("", GetWebhookEndpoint, "id"), ("/deliveries", ListDeliveries, "endpoint"), ("", GetWebhookEndpoint, None)],
)
async def test_a_parameter_is_named_as_in_the_path(
    gateway: Gateway, services: ScriptedServices, user: UUID, path: str, kind: type[Message], parameter: str | None
) -> None:
    services.answers[kind] = lambda _: refused("endpoint_not_found", parameter=parameter)
    answer = await gateway.http.get(f"{ONE}{path}", headers=services.signer.bearer(user))
    assert answer.json().get("parameter") == (parameter and "endpoint_id")


async def test_a_change_that_is_not_answered_in_time_may_have_been_made(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    answer = await gateway.http.post(PATH, json=NEW, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    read = await gateway.http.get(ONE, headers=services.signer.bearer(user))
    assert (read.status_code, read.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{PATH}/{uuid4()}", "endpoint_not_found"),
        ("DELETE", f"{PATH}/{uuid4()}", "endpoint_not_found"),
        ("POST", f"{PATH}/{uuid4()}/rotate_secret", "endpoint_not_found"),
        ("POST", f"{PATH}/{uuid4()}/test", "endpoint_not_found"),
        ("GET", f"{PATH}/{uuid4()}/deliveries", "endpoint_not_found"),
        ("POST", f"/v1/webhook_deliveries/{uuid4()}/redeliver", "delivery_not_found"),
    ],
)
async def test_an_id_that_is_none_of_ours_is_not_found(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str, path: str, code: str
) -> None:
    answer = await gateway.http.request(method, path, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (404, code)


WRONG = [
    ("POST", PATH, NEW | {"url": "ftp://shop.example"}, "body/url"),
    ("POST", PATH, NEW | {"url": "https://shop.example/ a"}, "body/url"),
    ("POST", PATH, NEW | {"events": []}, "body/events"),
    ("POST", PATH, NEW | {"events": ["payment_intent"]}, "body/events"),
    ("POST", PATH, NEW | {"secret": "mine"}, "body/secret"),
    ("PATCH", ONE, {}, "body"),
    ("PATCH", ONE, {"status": "off"}, "body/status"),
    ("POST", f"{ONE}/rotate_secret", {"overlap_hours": "1"}, "body/overlap_hours"),
    ("POST", f"{ONE}/replay", {"since": "yesterday"}, "body/since"),
    ("POST", f"{ONE}/replay", {}, "body/since"),
]


@pytest.mark.parametrize(("method", "path", "body", "location"), WRONG)
async def test_a_body_that_does_not_fit(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str, path: str, body: Any, location: str
) -> None:
    answer = await gateway.http.request(method, path, json=body, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["location"].startswith(location)
