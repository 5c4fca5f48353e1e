"""Second factors, passkeys and API keys against the whole system, as a client meets them."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pyotp
import pytest

from contracts.ids import new_id
from ops.stack.stack import Stack
from tests.oauth_people import log_in, new_merchant, register
from tests.people import PASSWORD
from tests.software_authenticator import SoftwareAuthenticator
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME, KEYS = "/v1/users/me", "/v1/api_keys"


async def _done(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    resource: dict[str, Any] = answer.json() if answer.content else {}
    return resource


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_login_takes_a_code_or_a_recovery_code_each_once(http: httpx.AsyncClient) -> None:
    email = await register(http)
    own = await log_in(http, email)
    totp = pyotp.TOTP((await _done(await http.post(f"{ME}/totp", headers=own), 201))["secret"])
    confirmed = await http.post(f"{ME}/totp/confirm", json={"code": totp.now()}, headers=own)
    codes = (await _done(confirmed, 200))["recovery_codes"]
    assert len(codes) == 10
    assert (await _done(await http.get(ME, headers=own), 200))["second_factors"] == ["totp"]

    async def session(**given: str) -> httpx.Response:
        return await http.post("/v1/sessions", json={"email": email, "password": PASSWORD} | given)

    assert _refusal(await session()) == (401, "second_factor_required")
    assert _refusal(await session(otp=totp.at(0))) == (401, "invalid_credentials")
    code = totp.at(datetime.now(UTC), counter_offset=1)
    await _done(await session(otp=code), 201)
    assert _refusal(await session(otp=code)) == (401, "invalid_credentials")
    recovered = await _done(await session(recovery_code=codes[0]), 201)
    assert _refusal(await session(recovery_code=codes[0])) == (401, "invalid_credentials")

    own = {"Authorization": f"Bearer {recovered['access_token']}"}
    await _done(await http.delete(f"{ME}/totp", headers=own), 204)
    await _done(await session(), 201)


async def test_a_passkey_is_registered_logs_in_and_steps_up(http: httpx.AsyncClient, stack: Stack) -> None:
    own = await log_in(http, await register(http))
    device = SoftwareAuthenticator(stack.url.replace("127.0.0.1", "localhost"), "localhost")
    begun = await _done(await http.post(f"{ME}/passkeys/challenge", headers=own), 201)
    made = {"challenge_id": begun["challenge_id"], "credential": device.create(begun["options"]), "name": "Phone"}
    passkey = await _done(await http.post(f"{ME}/passkeys", json=made, headers=own), 201)
    assert _refusal(await http.post(f"{ME}/passkeys", json=made, headers=own)) == (422, "passkey_not_valid")

    async def answer() -> dict[str, Any]:
        challenge = await _done(await http.post("/v1/passkey_challenges"), 201)
        return {"challenge_id": challenge["challenge_id"], "credential": device.get(challenge["options"])}

    given = await answer()
    session = await _done(await http.post("/v1/sessions/passkey", json=given), 201)
    assert session["refresh_token"].startswith("llr_")
    assert _refusal(await http.post("/v1/sessions/passkey", json=given)) == (401, "invalid_credentials")
    own = {"Authorization": f"Bearer {session['access_token']}"}
    stepped_up = await http.post("/v1/sessions/step_up", json={"passkey": await answer()}, headers=own)
    assert (await _done(stepped_up, 200))["session_id"] == session["session_id"]
    listed = (await _done(await http.get(f"{ME}/passkeys", headers=own), 200))["passkeys"]
    assert [(shown["id"], shown["name"]) for shown in listed] == [(passkey["id"], "Phone")]
    await _done(await http.delete(f"{ME}/passkeys/{passkey['id']}", headers=own), 204)
    assert _refusal(await http.post("/v1/sessions/passkey", json=await answer())) == (401, "invalid_credentials")


async def test_a_key_does_what_it_was_made_for_until_it_is_revoked(http: httpx.AsyncClient, stack: Stack) -> None:
    own = await new_merchant(stack, http)
    asked = {"name": "Till", "scopes": ["wallets"]}
    made = await _done(await http.post(KEYS, json=asked, headers=own), 201)
    with_key = {"Authorization": f"Bearer {made['secret']}"}
    opened = await http.post(
        "/v1/wallets", json={"currency": "EUR"}, headers=with_key | {"Idempotency-Key": str(new_id())}
    )
    wallet = (await _done(opened, 201))["id"]
    assert (await http.get(f"/v1/wallets/{wallet}", headers=own)).status_code == 200
    assert _refusal(await http.get("/v1/payment_intents", headers=with_key)) == (403, "insufficient_scope")
    assert _refusal(await http.get(KEYS, headers=with_key)) == (403, "insufficient_scope")

    rotated = await http.post(f"{KEYS}/{made['key']['id']}/rotate", json={"overlap_hours": 1}, headers=own)
    new = await _done(rotated, 201)
    with_new = {"Authorization": f"Bearer {new['secret']}"}
    for header in (with_key, with_new):
        assert (await http.get(f"/v1/wallets/{wallet}", headers=header)).status_code == 200
    listed = (await _done(await http.get(KEYS, headers=own), 200))["keys"]
    assert [key["prefix"] for key in listed] == [new["secret"][:12], made["secret"][:12]]

    await _done(await http.delete(f"{KEYS}/{new['key']['id']}", headers=own), 204)

    async def refused() -> bool:
        return _is_refused(await http.get(f"/v1/wallets/{wallet}", headers=with_new))

    assert await eventually("the gateway knows that the key was revoked", refused)
    assert (await http.get(f"/v1/wallets/{wallet}", headers=with_key)).status_code == 200


def _is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and answer.json()["code"] == "invalid_token"


async def test_a_key_that_may_make_keys_makes_none(http: httpx.AsyncClient, stack: Stack) -> None:
    """Keys never authenticate, so nothing that asks for a person who has is done with one."""
    own = await new_merchant(stack, http)
    made = await _done(await http.post(KEYS, json={"name": "All", "scopes": ["merchant"]}, headers=own), 201)
    with_key = {"Authorization": f"Bearer {made['secret']}"}
    another = await http.post(KEYS, json={"name": "More", "scopes": ["merchant"]}, headers=with_key)
    assert _refusal(another) == (401, "insufficient_user_authentication")
