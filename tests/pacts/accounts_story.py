"""The part of the story about accounts: sessions, second factors, passwords, keys, and apps that act for people."""

import re
from dataclasses import replace

import httpx
import pyotp

from contracts.identity import FIRST_PARTY_CLIENT
from contracts.ids import new_id
from ops.stack.stack import Stack
from tests.oauth_browser import FormBrowser
from tests.oauth_people import Pkce, authorization_url, new_app
from tests.pacts.actors import Actor, good, registered, with_role
from tests.people import PASSWORD
from tests.software_authenticator import SoftwareAuthenticator
from tests.waiting import eventually


async def tell_of_accounts(stack: Stack, admin: Actor, ada: Actor) -> None:
    """See sessions, logs and keys, step up, and be deactivated."""
    for path in ("sessions", "users/me/security_events", "users/me/passkeys"):
        await ada.get(path)
    for path in ("users", f"users/{ada.id}", "security_events", "signing_keys"):
        await admin.get(path)
    await ada.post("sessions/step_up", password=PASSWORD)
    await ada.post("users/me/totp")
    await ada.post("users/me/passkeys/challenge")
    good(await ada.http.post("/v1/password_resets", json={"email": f"{new_id()}@ledgerlink.example"}))
    merchant = await with_role(admin, "merchant")
    key = await merchant.post("api_keys", name="Till", scopes=["wallets"])
    await merchant.get("api_keys")
    await replace(merchant, header={"Authorization": f"Bearer {key['secret']}"}).get("wallets")
    await merchant.post(f"api_keys/{key['key']['id']}/rotate")
    await merchant.delete(f"api_keys/{key['key']['id']}")
    await _apps(merchant)
    await _consent(merchant)
    await merchant.post("users/me/password", current_password=PASSWORD, password=f"{PASSWORD} too")
    await admin.post(f"users/{merchant.id}/deactivate")
    await admin.post(f"users/{merchant.id}/reactivate")
    await admin.post("signing_keys")
    await _verified(stack, ada.http)
    await _sessions(ada.http)
    await _factors(stack, ada.http)
    await _forgotten(stack, ada.http)


async def _apps(merchant: Actor) -> None:
    """Register an app, and let it ask for tokens of its own."""
    asked = {"name": "Shop", "confidential": True, "grant_types": ["client_credentials"], "scopes": ["wallets"]}
    app = await merchant.post("oauth_clients", **asked)
    await merchant.get("oauth_clients")
    form = {"client_id": app["client"]["id"], "client_secret": app["client_secret"]}
    token = good(await merchant.http.post("/oauth/token", data=form | {"grant_type": "client_credentials"}))
    good(await merchant.http.post("/oauth/introspect", data=form | {"token": token["access_token"]}))
    await merchant.post(f"oauth_clients/{app['client']['id']}/rotate_secret")
    await merchant.delete(f"oauth_clients/{app['client']['id']}")


async def _consent(merchant: Actor) -> None:
    """Let an app act for somebody who agrees, for as long as it likes."""
    http, user = merchant.http, await registered(merchant.http)
    app, pkce = await new_app(http, dict(merchant.header)), Pkce.fresh()
    back = await FormBrowser(http).agree(authorization_url(app, pkce), user.email, PASSWORD)
    asked = {"grant_type": "authorization_code", "redirect_uri": app.redirect_uri, "code_verifier": pkce.verifier}
    form = asked | app.form | {"code": back.told["code"]}
    token = good(await http.post("/oauth/token", data=form))["refresh_token"]
    good(await http.post("/oauth/revoke", data=app.form | {"token": token}))


async def _verified(stack: Stack, http: httpx.AsyncClient) -> None:
    """Prove one's address by what the mail says."""
    newcomer = await registered(http)
    await newcomer.post("users/me/verification")
    token = await _mailed(stack, newcomer.email, "llv_")
    good(await http.post("/v1/email_verifications", json={"token": token}))


async def _sessions(http: httpx.AsyncClient) -> None:
    """Log in here and there, go on with a refresh token, and end one session, all others, and the account."""
    user = await registered(http)
    login = {"email": user.email, "password": PASSWORD}
    here, there = [good(await http.post("/v1/sessions", json=login)) for _ in range(2)]
    form = {"grant_type": "refresh_token", "client_id": FIRST_PARTY_CLIENT, "refresh_token": here["refresh_token"]}
    good(await http.post("/oauth/token", data=form))
    await user.delete(f"sessions/{there['session_id']}")
    await user.delete("sessions")
    await user.delete("users/me")


async def _factors(stack: Stack, http: httpx.AsyncClient) -> None:
    """Log in by a code, and by a passkey; take both away again."""
    user = await registered(http)
    totp = pyotp.TOTP((await user.post("users/me/totp"))["secret"])
    await user.post("users/me/totp/confirm", code=totp.now())
    await user.post("users/me/recovery_codes")
    await user.delete("users/me/totp")
    device = SoftwareAuthenticator(stack.url.replace("127.0.0.1", "localhost"), "localhost")
    begun = await user.post("users/me/passkeys/challenge")
    made = {"challenge_id": begun["challenge_id"], "credential": device.create(begun["options"]), "name": "Phone"}
    passkey = await user.post("users/me/passkeys", **made)
    challenge = good(await http.post("/v1/passkey_challenges"))
    answer = {"challenge_id": challenge["challenge_id"], "credential": device.get(challenge["options"])}
    good(await http.post("/v1/sessions/passkey", json=answer))
    await user.delete(f"users/me/passkeys/{passkey['id']}")


async def _forgotten(stack: Stack, http: httpx.AsyncClient) -> None:
    """Forget one's password, and set another by what the mail says."""
    user = await registered(http)
    good(await http.post("/v1/password_resets", json={"email": user.email}))
    token = await _mailed(stack, user.email, "llp_")
    good(await http.post("/v1/password_resets/confirm", json={"token": token, "password": f"{PASSWORD} three"}))


async def _mailed(stack: Stack, email: str, kind: str) -> str:
    """Return the token of a mail, which identity writes into its log where there is no mail server."""
    log, token = stack.layout.log("identity"), re.compile(kind + "[A-Za-z0-9_-]+")

    async def found() -> str | None:
        lines = [line for line in log.read_text().splitlines() if email in line]
        return next((told[0] for line in reversed(lines) if (told := token.search(line))), None)

    return await eventually("the mail is sent", found)
