"""Logins are turned away at the door for a moment after identity had no room, and nothing else ever is."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from contracts.identity import Login, RequestPasswordReset
from contracts.message import Outcome, Problem, Reply
from gateway import login_shedding
from gateway.app import _ROUTERS
from gateway.login_shedding import FEW_UNDER_WAY, HASHING, MOST_UNDER_WAY, LoginShedding
from gateway.request_context import open_context
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


async def test_after_an_overload_only_a_few_are_let_in_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_shedding, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(login_shedding, "CAREFUL_SECONDS", 3600.0)
    reached, answered, statuses = asyncio.Semaphore(0), asyncio.Event(), list[int]()

    async def identity(_scope: Scope, _receive: Receive, send: Send) -> None:
        reached.release()
        await answered.wait()
        await send({"type": "http.response.start", "status": 503, "headers": []})

    async def log_in(door: LoginShedding) -> None:
        statuses.append(await _log_in(door, _nothing_more))

    door = LoginShedding(identity)
    answered.set()
    await log_in(door)
    answered.clear()
    reached = asyncio.Semaphore(0)
    several = [asyncio.create_task(log_in(door)) for _ in range(3 * FEW_UNDER_WAY)]
    for _ in range(FEW_UNDER_WAY):
        await reached.acquire()
    assert reached.locked(), "no more than that"
    assert len(statuses) == 1 + 2 * FEW_UNDER_WAY, "the others have their answer already"
    answered.set()
    await asyncio.gather(*several)


async def test_bodies_that_do_not_come_keep_nobody_out() -> None:
    reading, never = asyncio.Semaphore(0), asyncio.Event()

    async def identity(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 201, "headers": []})

    async def nothing_comes() -> Message:
        reading.release()
        await never.wait()
        return await _nothing_more()

    door = LoginShedding(identity)
    idle = [asyncio.create_task(_log_in(door, nothing_comes)) for _ in range(MOST_UNDER_WAY)]
    for _ in idle:
        await reading.acquire()
    assert await _log_in(door, _nothing_more) == 201
    never.set()
    assert set(await asyncio.gather(*idle)) == {201}


async def _log_in(door: LoginShedding, receive: Receive) -> int:
    """Send a login to the door; return the status that is answered."""
    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/sessions", "headers": []}
    open_context(scope)
    statuses = list[int]()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await door(scope, receive, send)
    return statuses[0]


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}
