"""Sessions and signing keys over HTTP: whose they are, and who may touch them."""

import time
from typing import Any
from uuid import UUID

import pytest

from contracts.identity import (
    EndSession,
    EndSessions,
    ListSessions,
    ListSigningKeys,
    RotateSigningKey,
)
from contracts.ids import new_id
from contracts.message import Message
from gateway.routes import own_sessions, signing_keys
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

PATH, KEYS = "/v1/sessions", "/v1/signing_keys"


def _asked(services: ScriptedServices, kind: type[Message]) -> Any:
    (envelope,) = services.commands(kind)
    return envelope.data


async def test_a_user_lists_their_sessions(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ListSessions] = lambda _: completed({"sessions": [own_sessions.EXAMPLE]})
    current = new_id()
    answer = await gateway.http.get(PATH, headers=services.signer.bearer(user, sid=str(current)))
    assert (answer.status_code, answer.json()) == (200, {"sessions": [own_sessions.EXAMPLE]})
    asked = _asked(services, ListSessions)
    assert (asked.user, asked.current) == (user, current)


async def test_a_user_ends_a_session(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[EndSession] = lambda _: completed({})
    ended = new_id()
    headers = services.signer.bearer(user) | {"User-Agent": "Firefox"}
    answer = await gateway.http.delete(f"{PATH}/{ended}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    asked = _asked(services, EndSession)
    assert (asked.user, asked.session) == (user, ended)
    assert (asked.origin.user_agent, asked.origin.address) == ("Firefox", "127.0.0.1")


async def test_a_user_ends_all_other_sessions(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[EndSessions] = lambda _: completed({})
    current = new_id()
    answer = await gateway.http.delete(PATH, headers=services.signer.bearer(user, sid=str(current)))
    assert answer.status_code == 204
    asked = _asked(services, EndSessions)
    assert (asked.user, asked.except_session) == (user, current)


@pytest.mark.parametrize("session", ["01990f3e-6a10-7d31-8c55-9b1e6d2f7a10", "3f0c7a52-8f0e-4a6a-9d0f-3f4f4c1d2e3b"])
async def test_there_is_no_such_session(gateway: Gateway, services: ScriptedServices, user: UUID, session: str) -> None:
    services.answers[EndSession] = lambda _: refused("session_not_found", parameter="session_id")
    answer = await gateway.http.delete(f"{PATH}/{session}", headers=services.signer.bearer(user))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["parameter"]) == (404, "session_not_found", "session_id")


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("DELETE", PATH), ("DELETE", f"{PATH}/{new_id()}")])
async def test_sessions_are_not_for_tokens_that_only_pay(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str, path: str
) -> None:
    answer = await gateway.http.request(method, path, headers=services.signer.bearer(user, scope="payments"))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def _admin(services: ScriptedServices, admin: UUID, **changes: Any) -> dict[str, str]:
    return services.signer.bearer(admin, role="admin", scope="profile keys:manage", **changes)


async def test_an_admin_sees_and_rotates_the_signing_keys(gateway: Gateway, services: ScriptedServices) -> None:
    listed = {"keys": [signing_keys.EXAMPLE, signing_keys.BEFORE_EXAMPLE]}
    services.answers[ListSigningKeys] = lambda _: completed(listed)
    services.answers[RotateSigningKey] = lambda _: completed(signing_keys.EXAMPLE)
    admin = new_id()
    assert (await gateway.http.get(KEYS, headers=_admin(services, admin))).json() == listed
    rotated = await gateway.http.post(KEYS, headers=_admin(services, admin))
    assert (rotated.status_code, rotated.json()) == (201, signing_keys.EXAMPLE)
    assert _asked(services, RotateSigningKey).rotated_by == admin


async def test_one_rotation_at_a_time(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[RotateSigningKey] = lambda _: refused("rotation_under_way")
    answer = await gateway.http.post(KEYS, headers=_admin(services, new_id()))
    assert (answer.status_code, answer.json()["code"]) == (409, "rotation_under_way")
    assert int(answer.headers["Retry-After"]) > 0


async def test_only_who_has_authenticated_lately_rotates_the_signing_key(
    gateway: Gateway, services: ScriptedServices
) -> None:
    long_ago = int(time.time()) - 901
    answer = await gateway.http.post(KEYS, headers=_admin(services, new_id(), auth_time=long_ago))
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
    assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]
    assert services.commands(RotateSigningKey) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nobody_else_touches_the_signing_keys(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str
) -> None:
    answer = await gateway.http.request(method, KEYS, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
