"""Operators see processors' webhooks that have not taken effect, and have one looked at again."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.payments import ListParkedWebhooks, RetryWebhook
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

WEBHOOK = new_id()
LIST = "/v1/parked_webhooks"
RETRY = f"{LIST}/{WEBHOOK}/retry"


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ("", {"given_up": None, "before": None, "limit": 20}),
        (f"?given_up=true&limit=5&before={WEBHOOK}", {"given_up": True, "before": str(WEBHOOK), "limit": 5}),
    ],
)
async def test_they_are_listed(
    gateway: Gateway, services: ScriptedServices, parameters: str, asked: dict[str, Any]
) -> None:
    services.answers[ListParkedWebhooks] = lambda _: completed({"webhooks": []})
    listed = await gateway.http.get(LIST + parameters, headers=services.signer.operator())
    assert (listed.status_code, listed.json()) == (200, {"webhooks": [], "next_before": None})
    (query,) = services.commands(ListParkedWebhooks)
    assert query.data.model_dump(mode="json") == asked


async def test_one_is_looked_at_again(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[RetryWebhook] = lambda q: completed({"id": str(q.id)})
    answer = await gateway.http.post(RETRY, headers=services.signer.operator())
    assert (answer.status_code, answer.json()) == (200, {"id": str(WEBHOOK)})


async def test_one_that_is_not_there(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[RetryWebhook] = lambda _: refused("parked_webhook_not_found")
    for path in (RETRY, f"{LIST}/{uuid4()}/retry"):
        answer = await gateway.http.post(path, headers=services.signer.operator())
        assert (answer.status_code, answer.json()["code"]) == (404, "parked_webhook_not_found")


async def test_others_neither_see_nor_retry(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    for method, path in (("GET", LIST), ("POST", RETRY)):
        answer = await gateway.http.request(method, path, headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
