"""Logins are turned away at the door for a moment after identity had no room, and nothing else ever is."""

import pytest

from contracts.identity import Login, RequestPasswordReset
from contracts.message import Outcome, Problem, Reply
from gateway import login_shedding
from gateway.app import _ROUTERS
from gateway.login_shedding import HASHING
from gateway.routes import sessions
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed

OVERLOADED = Reply(outcome=Outcome.REFUSED, problem=Problem(code="overloaded", detail="No.", retry_after=1))
BODY = {"email": "ann@ledgerlink.example", "password": "correct horse battery staple"}


@pytest.fixture(autouse=True)
def _long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_shedding, "PAUSE_SECONDS", 3600.0)


async def test_after_one_overload_the_next_logins_do_not_reach_identity(
    gateway: Gateway, services: ScriptedServices
) -> None:
    services.answers[Login] = lambda _: OVERLOADED
    for _ in range(3):
        answer = await gateway.http.post("/v1/sessions", json=BODY)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["X-Correlation-Id"]
    assert len(services.commands(Login)) == 1
    assert (await gateway.http.post("/v1/users", json=BODY)).json()["code"] == "overloaded"


async def test_what_hashes_nothing_goes_on(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers |= {Login: lambda _: OVERLOADED}
    services.answers[RequestPasswordReset] = lambda _: completed({})
    await gateway.http.post("/v1/sessions", json=BODY)
    answer = await gateway.http.post("/v1/password_resets", json={"email": BODY["email"]})
    assert answer.status_code == 204
    assert (await gateway.http.get("/v1/sessions")).status_code == 401


async def test_the_door_opens_again(
    gateway: Gateway, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_shedding, "PAUSE_SECONDS", 0.0)
    services.answers[Login] = lambda _: OVERLOADED
    await gateway.http.post("/v1/sessions", json=BODY)
    services.answers[Login] = lambda _: completed(sessions.EXAMPLE)
    assert (await gateway.http.post("/v1/sessions", json=BODY)).status_code == 201


def test_every_path_is_a_route() -> None:
    paths = {getattr(route, "path", None) for module in _ROUTERS for route in module.router.routes}
    assert paths >= HASHING
