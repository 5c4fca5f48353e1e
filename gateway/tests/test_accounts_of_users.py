"""Accounts of users over HTTP: what identity is asked, for whom, and who may ask."""

import time
from typing import Any
from uuid import UUID

import pytest

from contracts.identity import (
    ChangePassword,
    ChangeRole,
    DeactivateUser,
    EraseUser,
    GetUser,
    ListSecurityEvents,
    ListUsers,
    Login,
    ReactivateUser,
    Register,
    RequestPasswordReset,
    ResetPassword,
    SendVerification,
    VerifyEmail,
)
from contracts.ids import new_id
from contracts.message import Message, Outcome, Problem, Reply
from gateway.routes import security_events, sessions, user_management, users
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

EMAIL, PASSWORD, NEW = "ann@ledgerlink.example", "correct horse battery staple", "a tidy heron crosses bridges"


def _asked(services: ScriptedServices, kind: type[Message]) -> Any:
    (envelope,) = services.commands(kind)
    return envelope.data


def _admin(services: ScriptedServices, admin: UUID, **changes: Any) -> dict[str, str]:
    return services.signer.bearer(admin, role="admin", scope="profile users:manage audit:read", **changes)


async def test_a_login_carries_what_identity_needs(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[Login] = lambda _: completed(sessions.EXAMPLE)
    body = {"email": EMAIL, "password": PASSWORD, "otp": "081804", "device_token": "lld_x"}
    answer = await gateway.http.post("/v1/sessions", json=body, headers={"User-Agent": "Firefox"})
    assert (answer.status_code, answer.json()) == (201, sessions.EXAMPLE)
    asked = _asked(services, Login)
    assert (asked.email, asked.password.get_secret_value(), asked.otp) == (EMAIL, PASSWORD, "081804")
    assert asked.device_token.get_secret_value() == "lld_x"
    assert (asked.origin.address, asked.origin.user_agent, asked.jkt) == ("127.0.0.1", "Firefox", None)


@pytest.mark.parametrize(
    ("code", "status", "retry_after"),
    [
        ("invalid_credentials", 401, None),
        ("second_factor_required", 401, None),
        ("too_many_attempts", 429, 64),
        ("overloaded", 503, 1),
    ],
)
async def test_who_is_refused_is_told_when_to_come_back(
    gateway: Gateway, services: ScriptedServices, code: str, status: int, retry_after: int | None
) -> None:
    problem = Problem(code=code, detail="No.", retry_after=retry_after)
    services.answers[Login] = lambda _: Reply(outcome=Outcome.REFUSED, problem=problem)
    answer = await gateway.http.post("/v1/sessions", json={"email": EMAIL, "password": "wrong"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == (str(retry_after) if retry_after else None)


async def test_registering_tells_where_it_came_from(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[Register] = lambda _: completed(users.EXAMPLE)
    answer = await gateway.http.post("/v1/users", json={"email": EMAIL, "password": PASSWORD})
    assert (answer.status_code, answer.json()) == (201, users.EXAMPLE)
    assert _asked(services, Register).origin.address == "127.0.0.1"


async def test_a_weak_password_is_refused_with_what_to_change(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[Register] = lambda _: refused("password_too_weak", "Add another word or two.", "password")
    answer = await gateway.http.post("/v1/users", json={"email": EMAIL, "password": "password1234"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["parameter"]) == (422, "password_too_weak", "password")
    assert "password1234" not in answer.text


async def test_a_user_sees_their_account(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[GetUser] = lambda _: completed(users.EXAMPLE)
    answer = await gateway.http.get("/v1/users/me", headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()) == (200, users.EXAMPLE)
    assert _asked(services, GetUser).user == user


async def test_a_user_erases_their_account_having_just_authenticated(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.answers[EraseUser] = lambda _: completed(users.EXAMPLE)
    long_ago = services.signer.bearer(user, auth_time=int(time.time()) - 901)
    refusal = await gateway.http.delete("/v1/users/me", headers=long_ago)
    assert (refusal.status_code, refusal.json()["code"]) == (401, "insufficient_user_authentication")
    assert services.commands(EraseUser) == []
    answer = await gateway.http.delete("/v1/users/me", headers=services.signer.bearer(user))
    assert (answer.status_code, answer.content) == (204, b"")
    asked = _asked(services, EraseUser)
    assert (asked.user, asked.erased_by) == (user, user)


async def test_a_user_changes_their_password(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ChangePassword] = lambda _: completed({})
    session = new_id()
    headers = services.signer.bearer(user, sid=str(session))
    body = {"current_password": PASSWORD, "password": NEW}
    answer = await gateway.http.post("/v1/users/me/password", json=body, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    asked = _asked(services, ChangePassword)
    assert (asked.user, asked.session) == (user, session)
    assert (asked.current.get_secret_value(), asked.new.get_secret_value()) == (PASSWORD, NEW)


async def test_a_password_is_asked_for_and_set(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers |= {kind: lambda _: completed({}) for kind in (RequestPasswordReset, ResetPassword)}
    answer = await gateway.http.post("/v1/password_resets", json={"email": EMAIL})
    assert (answer.status_code, answer.content) == (204, b"")
    assert _asked(services, RequestPasswordReset).email == EMAIL
    answer = await gateway.http.post("/v1/password_resets/confirm", json={"token": "llp_x", "password": NEW})
    assert answer.status_code == 204
    assert _asked(services, ResetPassword).token.get_secret_value() == "llp_x"


async def test_an_address_is_proven(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    def verify(asked: VerifyEmail) -> Reply:
        known = asked.token.get_secret_value() == "llv_x"
        return completed(users.EXAMPLE) if known else refused("token_not_valid")

    services.answers[SendVerification] = lambda _: completed({})
    services.answers[VerifyEmail] = verify
    sent = await gateway.http.post("/v1/users/me/verification", headers=services.signer.bearer(user))
    assert sent.status_code == 204
    assert _asked(services, SendVerification).user == user
    wrong = await gateway.http.post("/v1/email_verifications", json={"token": "llv_y"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "token_not_valid")
    right = await gateway.http.post("/v1/email_verifications", json={"token": "llv_x"})
    assert right.status_code == 200


async def test_a_user_reads_what_happened_to_their_account(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListSecurityEvents] = lambda _: completed({"events": [security_events.EXAMPLE]})
    path = "/v1/users/me/security_events?kind=login_failed&limit=5"
    answer = await gateway.http.get(path, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()) == (200, security_events.PAGE_EXAMPLE)
    asked = _asked(services, ListSecurityEvents)
    assert (asked.user, asked.kind, asked.limit) == (user, "login_failed", 5)


async def test_an_auditor_reads_all_of_the_log(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers[ListSecurityEvents] = lambda _: completed({"events": []})
    answer = await gateway.http.get(f"/v1/security_events?user={user}", headers=_admin(services, new_id()))
    assert (answer.status_code, answer.json()) == (200, {"events": [], "next_before": None})
    assert _asked(services, ListSecurityEvents).user == user


async def test_an_admin_finds_users(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.answers |= {
        ListUsers: lambda _: completed({"users": [users.EXAMPLE]}),
        GetUser: lambda _: completed(users.EXAMPLE),
    }
    headers = _admin(services, new_id())
    answer = await gateway.http.get("/v1/users?role=customer&email=ANN@ledgerlink.example", headers=headers)
    assert answer.json() == {"users": [users.EXAMPLE], "next_before": None}
    assert _asked(services, ListUsers).role == "customer"
    assert (await gateway.http.get(f"/v1/users/{user}", headers=headers)).json() == users.EXAMPLE
    assert _asked(services, GetUser).user == user


CHANGES: list[tuple[str, type[Message], dict[str, Any] | None, str, dict[str, Any]]] = [
    ("role", ChangeRole, {"role": "merchant"}, "changed_by", user_management.MERCHANT_EXAMPLE),
    ("deactivate", DeactivateUser, None, "deactivated_by", user_management.DEACTIVATED_EXAMPLE),
    ("reactivate", ReactivateUser, None, "reactivated_by", users.EXAMPLE),
]


@pytest.mark.parametrize(("step", "kind", "body", "actor", "example"), CHANGES)
async def test_an_admin_changes_a_user(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    step: str,
    kind: type[Message],
    body: dict[str, Any] | None,
    actor: str,
    example: dict[str, Any],
) -> None:
    services.answers[kind] = lambda _: completed(example)
    admin = new_id()
    path = f"/v1/users/{user}/{step}"
    late = await gateway.http.post(path, json=body, headers=_admin(services, admin, auth_time=int(time.time()) - 901))
    assert (late.status_code, late.json()["code"]) == (401, "insufficient_user_authentication")
    answer = await gateway.http.post(path, json=body, headers=_admin(services, admin))
    assert (answer.status_code, answer.json()) == (200, example)
    asked = _asked(services, kind)
    assert (asked.user, getattr(asked, actor)) == (user, admin)


async def test_nobody_is_made_a_service(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    headers = _admin(services, new_id())
    answer = await gateway.http.post(f"/v1/users/{user}/role", json={"role": "service"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/users"),
        ("GET", f"/v1/users/{new_id()}"),
        ("POST", f"/v1/users/{new_id()}/role"),
        ("POST", f"/v1/users/{new_id()}/deactivate"),
        ("POST", f"/v1/users/{new_id()}/reactivate"),
        ("GET", "/v1/security_events"),
    ],
)
async def test_a_customer_manages_nobody(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str, path: str
) -> None:
    body = {"role": "admin"} if path.endswith("role") else None
    answer = await gateway.http.request(method, path, json=body, headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_an_id_of_nothing_is_nobodys(gateway: Gateway, services: ScriptedServices) -> None:
    path = "/v1/users/5f0c7a52-8f0e-4a6a-9d0f-3f4f4c1d2e3b"
    answer = await gateway.http.get(path, headers=_admin(services, new_id()))
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")
