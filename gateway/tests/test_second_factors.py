"""Second factors, passkeys, API keys and step-up at the edge: what identity is told, and who is not let through."""

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.identity import (
    AddPasskey,
    ChallengePasskey,
    ConfirmTotp,
    CreateApiKey,
    ListApiKeys,
    ListPasskeys,
    LoginWithPasskey,
    RemovePasskey,
    RemoveTotp,
    RenewRecoveryCodes,
    RevokeApiKey,
    RotateApiKey,
    StartPasskey,
    StartTotp,
    StepUp,
)
from contracts.ids import new_id
from contracts.message import Kind, Message
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused
from tests.servers import NatsServer

PASSKEY, KEY, CHALLENGE, SESSION = new_id(), new_id(), new_id(), new_id()
ME, KEYS = "/v1/users/me", "/v1/api_keys"
CREDENTIAL = {"id": "abc", "rawId": "abc", "type": "public-key", "response": {}}
ANSWER = {"challenge_id": str(CHALLENGE), "credential": CREDENTIAL}
NEW_KEY = {"name": "Till", "scopes": ["payments"], "expires_at": "2027-01-05T00:00:00Z"}
SCOPE = "profile wallets payments merchant"
_Route = tuple[str, str, Any, type[Message], dict[str, Any], int]

FRESH: list[_Route] = [
    ("POST", f"{ME}/totp", None, StartTotp, {"user": None}, 201),
    ("DELETE", f"{ME}/totp", None, RemoveTotp, {"user": None}, 204),
    ("POST", f"{ME}/recovery_codes", None, RenewRecoveryCodes, {"user": None}, 201),
    ("POST", f"{ME}/passkeys", ANSWER | {"name": "Phone"}, AddPasskey, {"user": None, "name": "Phone"} | ANSWER, 201),
    ("DELETE", f"{ME}/passkeys/{PASSKEY}", None, RemovePasskey, {"user": None, "passkey": str(PASSKEY)}, 204),
    ("POST", KEYS, NEW_KEY, CreateApiKey, {"owner": None} | NEW_KEY, 201),
    ("POST", f"{KEYS}/{KEY}/rotate", None, RotateApiKey, {"owner": None, "key": str(KEY), "overlap_hours": 24}, 201),
    ("POST", f"{KEYS}/{KEY}/rotate", {"overlap_hours": 0}, RotateApiKey,
     {"owner": None, "key": str(KEY), "overlap_hours": 0}, 201),
]  # fmt: skip
OLD: list[_Route] = [
    ("POST", f"{ME}/totp/confirm", {"code": "081804"}, ConfirmTotp, {"user": None, "code": "081804"}, 200),
    ("POST", f"{ME}/passkeys/challenge", None, StartPasskey, {"user": None}, 201),
    ("GET", f"{ME}/passkeys", None, ListPasskeys, {"user": None}, 200),
    ("GET", KEYS, None, ListApiKeys, {"owner": None}, 200),
    ("DELETE", f"{KEYS}/{KEY}", None, RevokeApiKey, {"owner": None, "key": str(KEY)}, 204),
    ("POST", "/v1/sessions/step_up", {"password": "pass phrase", "otp": "081804"}, StepUp,
     {"user": None, "session": str(SESSION), "password": "pass phrase", "otp": "081804"}, 200),
    ("POST", "/v1/sessions/step_up", {"passkey": ANSWER}, StepUp,
     {"user": None, "session": str(SESSION)} | ANSWER, 200),
]  # fmt: skip
LONG_AGO = int(time.time()) - 100_000


def _claims(auth_time: int | None) -> dict[str, Any]:
    return {"scope": SCOPE, "role": "merchant", "sid": str(SESSION), "acr": "aal1", "auth_time": auth_time}


@pytest.mark.parametrize("route", FRESH + OLD)
async def test_what_is_asked_is_what_identity_is_told(
    gateway: Gateway, services: ScriptedServices, user: UUID, route: _Route
) -> None:
    method, path, body, kind, sent, status = route
    services.answers[kind] = lambda _: completed({"id": "one"})
    headers = services.signer.bearer(user, **_claims(int(time.time())))
    answer = await gateway.http.request(method, path, json=body, headers=headers | {"User-Agent": "tests/1"})
    assert answer.status_code == status, answer.text
    assert status == 204 or answer.json() == {"id": "one"}
    assert method == "GET" or answer.headers["Cache-Control"] == "no-store"
    (query,) = services.commands(kind)
    assert kind.contract.kind is Kind.QUERY
    told = query.data.model_dump(mode="json", exclude_none=True)
    origin = told.pop("origin", None)
    assert origin is None or origin["user_agent"] == "tests/1"
    assert ("origin" in kind.model_fields) == (origin is not None)
    assert told == {name: str(user) if value is None else value for name, value in sent.items()}


@pytest.mark.parametrize("route", FRESH)
@pytest.mark.parametrize("auth_time", [LONG_AGO, None], ids=["long_ago", "never"])
async def test_what_is_sensitive_needs_a_person_who_has_authenticated_lately(
    gateway: Gateway, services: ScriptedServices, user: UUID, route: _Route, auth_time: int | None
) -> None:
    method, path, body, kind, _, _ = route
    headers = services.signer.bearer(user, **_claims(auth_time))
    answer = await gateway.http.request(method, path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
    assert 'max_age="900"' in answer.headers["WWW-Authenticate"]
    assert services.commands(kind) == []


@pytest.mark.parametrize("route", OLD)
async def test_what_is_not_sensitive_needs_none(
    gateway: Gateway, services: ScriptedServices, user: UUID, route: _Route
) -> None:
    method, path, body, kind, _, status = route
    services.answers[kind] = lambda _: completed({"id": "one"})
    headers = services.signer.bearer(user, **_claims(LONG_AGO))
    assert (await gateway.http.request(method, path, json=body, headers=headers)).status_code == status


async def test_a_passkey_logs_in_without_a_token(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[ChallengePasskey] = lambda _: completed({"challenge_id": str(CHALLENGE), "options": {}})
    services.answers[LoginWithPasskey] = lambda _: completed({"access_token": "t", "token_type": "Bearer"})
    begun = await gateway.http.post("/v1/passkey_challenges")
    assert (begun.status_code, begun.json()["challenge_id"]) == (201, str(CHALLENGE))
    session = await gateway.http.post("/v1/sessions/passkey", json=ANSWER)
    assert (session.status_code, session.json()["access_token"]) == (201, "t")
    (query,) = services.commands(LoginWithPasskey)
    assert query.data.model_dump(mode="json", exclude={"origin"}, exclude_none=True) == ANSWER


REFUSALS: list[tuple[str, str, Any, type[Message], str, int]] = [
    ("POST", "/v1/sessions/passkey", ANSWER, LoginWithPasskey, "invalid_credentials", 401),
    ("POST", "/v1/sessions/step_up", {"otp": "081804"}, StepUp, "second_factor_required", 401),
    ("POST", "/v1/sessions/step_up", {"otp": "081804"}, StepUp, "session_ended", 401),
    ("POST", "/v1/sessions/step_up", {"otp": "081804"}, StepUp, "too_many_attempts", 429),
    ("POST", f"{ME}/totp", None, StartTotp, "totp_enabled", 409),
    ("POST", f"{ME}/totp/confirm", {"code": "081804"}, ConfirmTotp, "code_not_valid", 422),
    ("DELETE", f"{ME}/totp", None, RemoveTotp, "totp_not_enabled", 409),
    ("POST", f"{ME}/passkeys/challenge", None, StartPasskey, "too_many_passkeys", 409),
    ("POST", f"{ME}/passkeys", ANSWER | {"name": "Phone"}, AddPasskey, "passkey_not_valid", 422),
    ("DELETE", f"{ME}/passkeys/{PASSKEY}", None, RemovePasskey, "passkey_not_found", 404),
    ("POST", KEYS, NEW_KEY, CreateApiKey, "too_many_keys", 409),
    ("POST", KEYS, NEW_KEY, CreateApiKey, "expiry_in_past", 422),
    ("DELETE", f"{KEYS}/{KEY}", None, RevokeApiKey, "api_key_not_found", 404),
]


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_refusals(
    gateway: Gateway, services: ScriptedServices, user: UUID, refusal: tuple[str, str, Any, type[Message], str, int]
) -> None:
    method, path, body, kind, code, status = refusal
    services.answers[kind] = lambda _: refused(code)
    headers = services.signer.bearer(user, **_claims(int(time.time())))
    answer = await gateway.http.request(method, path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


WRONG: list[tuple[str, Any, str | None]] = [
    (f"{ME}/totp/confirm", {"code": "08180"}, "code"),
    (f"{ME}/totp/confirm", {"code": 81804}, "code"),
    (f"{ME}/passkeys", ANSWER, "name"),
    (f"{ME}/passkeys", ANSWER | {"name": "Ann's\nphone"}, "name"),
    (f"{ME}/passkeys", ANSWER | {"name": "Phone", "credential": "abc"}, "credential"),
    (f"{ME}/passkeys", ANSWER | {"name": "Phone", "challenge_id": str(uuid4())}, "challenge_id"),
    (KEYS, NEW_KEY | {"scopes": []}, "scopes"),
    (KEYS, NEW_KEY | {"scopes": ["everything"]}, None),
    (KEYS, NEW_KEY | {"expires_at": 1}, "expires_at"),
    (f"{KEYS}/{KEY}/rotate", {"overlap_hours": 169}, "overlap_hours"),
    ("/v1/sessions/step_up", {}, None),
    ("/v1/sessions/step_up", {"password": ""}, "password"),
    ("/v1/sessions/step_up", {"otp": "code"}, "otp"),
]


@pytest.mark.parametrize(("path", "body", "parameter"), WRONG)
async def test_wrong_bodies(
    gateway: Gateway, services: ScriptedServices, user: UUID, path: str, body: Any, parameter: str | None
) -> None:
    headers = services.signer.bearer(user, **_claims(int(time.time())))
    answer = await gateway.http.post(path, json=body, headers=headers)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (422, "invalid_request"), answer.text
    assert parameter is None or document["parameter"].startswith(parameter)


@pytest.mark.parametrize(
    ("path", "code"), [(f"{ME}/passkeys/{uuid4()}", "passkey_not_found"), (f"{KEYS}/{uuid4()}", "api_key_not_found")]
)
async def test_an_id_that_is_none_of_ours_is_of_nothing(
    gateway: Gateway, services: ScriptedServices, user: UUID, path: str, code: str
) -> None:
    answer = await gateway.http.delete(path, headers=services.signer.bearer(user, **_claims(int(time.time()))))
    assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_a_token_with_few_scopes_makes_no_key_with_more(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    few = _claims(int(time.time())) | {"scope": "merchant wallets"}
    answer = await gateway.http.post(KEYS, json=NEW_KEY, headers=services.signer.bearer(user, **few))
    assert (answer.status_code, answer.json()["code"]) == (422, "scope_not_granted")
    assert services.commands(CreateApiKey) == []


async def test_customers_have_no_keys_and_programs_cannot_step_up(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    customer = services.signer.bearer(user, scope="profile wallets payments", auth_time=int(time.time()), acr="aal1")
    answer = await gateway.http.post(KEYS, json=NEW_KEY, headers=customer)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    program = services.signer.bearer(user, **_claims(None))
    answer = await gateway.http.post("/v1/sessions/step_up", json={"otp": "081804"}, headers=program)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


async def test_no_stream_holds_a_secret(
    gateway: Gateway, services: ScriptedServices, user: UUID, nats_server: NatsServer
) -> None:
    services.answers[CreateApiKey] = lambda _: completed({"key": {}, "secret": "llk_"})
    headers = services.signer.bearer(user, **_claims(int(time.time())))
    assert (await gateway.http.post(KEYS, json=NEW_KEY, headers=headers)).status_code == 201
    provisioner = await nats_server.connect("provisioner")
    assert sum(info.state.messages for info in await provisioner.jetstream().streams_info()) == 0
    await provisioner.close()
