"""Webhooks of processors: kept byte for byte before they are acknowledged, and starved by nobody."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.ids import new_id
from contracts.payments import AcceptWebhook
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running, served
from gateway.tests.scripted_services import ScriptedServices, completed, refused

PATH = "/v1/webhooks/sandbox"
SENDER = {"content-type": "application/json", "user-agent": "processor/1"}
SIGNED = SENDER | {"webhook-id": "evt_1", "webhook-timestamp": "1767605520", "webhook-signature": "v1,c2lnbmF0dXJl"}
KEPT = new_id()


@pytest.fixture
def keeping(services: ScriptedServices) -> ScriptedServices:
    services.answers[AcceptWebhook] = lambda _: completed({"id": str(KEPT), "is_new": True})
    return services


BODIES = [
    b'{"id": "evt_1",  "type":"operation.updated"}',
    b'{"a": 1, "a": 2}\r\n',
    b"",
    b"\x00\xff not JSON at all",
    os.urandom(200_000),
]


@pytest.mark.parametrize("body", BODIES)
async def test_the_body_is_kept_byte_for_byte(gateway: Gateway, keeping: ScriptedServices, body: bytes) -> None:
    answer = await gateway.http.post(PATH, content=body, headers=SIGNED)
    assert (answer.status_code, answer.json()) == (200, {"id": str(KEPT), "received": True}), answer.text
    (query,) = keeping.commands(AcceptWebhook)
    assert (query.data.processor, query.data.body, query.data.headers) == ("sandbox", body, SIGNED)


async def test_only_what_signatures_need_is_passed_on(gateway: Gateway, keeping: ScriptedServices) -> None:
    sent = SENDER | {"Stripe-Signature": "t=1,v1=abc", "Cookie": "session=1", "Authorization": "Bearer nonsense"}
    answer = await gateway.http.post("/v1/webhooks/stripe_eu", content=b"{}", headers=sent)
    assert answer.status_code == 200
    (query,) = keeping.commands(AcceptWebhook)
    assert (query.data.processor, query.data.headers) == ("stripe_eu", SENDER | {"stripe-signature": "t=1,v1=abc"})


REFUSALS = [("processor_not_found", 404), ("signature_invalid", 401), ("webhook_malformed", 400)]


@pytest.mark.parametrize(("code", "status"), REFUSALS)
async def test_a_refusal_is_a_problem(gateway: Gateway, services: ScriptedServices, code: str, status: int) -> None:
    services.answers[AcceptWebhook] = lambda _: refused(code)
    answer = await gateway.http.post(PATH, content=b"{}", headers=SIGNED)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_nobody_has_kept_is_not_acknowledged(gateway: Gateway, services: ScriptedServices) -> None:
    assert AcceptWebhook not in services.answers
    answer = await gateway.http.post(PATH, content=b"{}", headers=SIGNED)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("name", ["Sandbox", "a" * 41, "..%2Fpayments", "a.b", "*"])
async def test_a_name_that_no_processor_has_is_asked_for_nowhere(
    gateway: Gateway, services: ScriptedServices, name: str
) -> None:
    answer = await gateway.http.post(f"/v1/webhooks/{name}", content=b"{}", headers=SIGNED)
    assert answer.status_code == 404
    assert services.commands(AcceptWebhook) == []


async def test_a_body_that_is_too_large_is_not_read_on(gateway: Gateway, keeping: ScriptedServices) -> None:
    async with served(gateway) as http:
        exactly = await http.post(PATH, content=b" " * 256 * 1024, headers=SIGNED)
        assert exactly.status_code == 200
        more = await http.post(PATH, content=b" " * (256 * 1024 + 1), headers=SIGNED)
        assert (more.status_code, more.json()["code"]) == (413, "body_too_large")
    assert len(keeping.commands(AcceptWebhook)) == 1


SLOW = """
[policies]
anonymous = {per = "anonymous", quota = 1, window = 3600}
webhooks = {per = "address", quota = 3, window = 3600}

[[classes]]
name = "webhooks"
paths = ["/v1/webhooks/*"]
policies = ["webhooks"]

[[classes]]
name = "other"
policies = ["anonymous"]
"""


async def test_what_else_an_address_asks_for_does_not_starve_its_webhooks(
    settings: Callable[..., GatewaySettings], keeping: ScriptedServices, tmp_path: Path
) -> None:
    assert keeping.accounts == {}
    slow = tmp_path / "slow.toml"
    slow.write_text(SLOW)
    async with running(settings(rate_limits=slow)) as gateway:
        others = [(await gateway.http.get("/v1/webhook_keys")).status_code for _ in range(3)]
        assert others[1:] == [429, 429]
        answers = [await gateway.http.post(PATH, content=b"{}", headers=SIGNED) for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert answers[3].json()["code"] == "rate_limited"
