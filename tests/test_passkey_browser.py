"""A real browser, with a virtual authenticator of its own, registers a passkey and logs in with it."""

import asyncio
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.virtual_authenticator import Protocol, Transport, VirtualAuthenticatorOptions

from ops.stack.stack import Stack
from tests.browser import SECONDS, browser
from tests.oauth_people import log_in, register

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CREATE = """
const [options, done] = arguments;
navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
    .then(credential => done(credential.toJSON()), error => done({error: String(error)}));
"""
_GET = """
const [options, done] = arguments;
navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})
    .then(credential => done(credential.toJSON()), error => done({error: String(error)}));
"""


def _opened(chrome: Chrome, url: str) -> None:
    """Open a page of the gateway's, beside an authenticator that its user has unlocked."""
    options = VirtualAuthenticatorOptions(
        protocol=Protocol.CTAP2,
        transport=Transport.INTERNAL,
        has_resident_key=True,
        has_user_verification=True,
        is_user_consenting=True,
        is_user_verified=True,
    )
    chrome.add_virtual_authenticator(options)
    chrome.set_script_timeout(SECONDS)
    chrome.get(url)


def _answer(chrome: Chrome, script: str, options: dict[str, Any]) -> dict[str, Any]:
    credential: dict[str, Any] = chrome.execute_async_script(script, options)
    assert "error" not in credential, credential
    return credential


async def test_a_browser_registers_a_passkey_and_logs_in_with_it(http: httpx.AsyncClient, stack: Stack) -> None:
    own = await log_in(http, await register(http))
    with browser() as chrome:
        await asyncio.to_thread(_opened, chrome, stack.url.replace("127.0.0.1", "localhost") + "/docs")
        begun = (await http.post("/v1/users/me/passkeys/challenge", headers=own)).json()
        made = await asyncio.to_thread(_answer, chrome, _CREATE, begun["options"])
        body = {"challenge_id": begun["challenge_id"], "credential": made, "name": "Browser"}
        registered = await http.post("/v1/users/me/passkeys", json=body, headers=own)
        assert registered.status_code == 201, registered.text
        for _ in range(2):  # its counter grows
            challenge = (await http.post("/v1/passkey_challenges")).json()
            got = await asyncio.to_thread(_answer, chrome, _GET, challenge["options"])
            given = {"challenge_id": challenge["challenge_id"], "credential": got}
            session = await http.post("/v1/sessions/passkey", json=given)
            assert session.status_code == 201, session.text
    listed = await http.get(
        "/v1/users/me/passkeys", headers={"Authorization": f"Bearer {session.json()['access_token']}"}
    )
    assert [passkey["name"] for passkey in listed.json()["passkeys"]] == ["Browser"]
