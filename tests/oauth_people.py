"""Who meets at the OAuth server: a merchant with apps, and a customer whom the apps ask."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from contracts.ids import new_id
from ops.stack.stack import Stack
from tests.people import PASSWORD

REDIRECT = "https://shop.example/callback"


@dataclass(frozen=True)
class App:
    """A registered client, as its developers keep it."""

    id: str
    secret: str | None
    redirect_uri: str

    @property
    def form(self) -> dict[str, str]:
        """The client's part of a form (client_secret_post, or none)."""
        return {"client_id": self.id} | ({"client_secret": self.secret} if self.secret else {})


@dataclass(frozen=True)
class Pkce:
    """A verifier and its challenge."""

    verifier: str
    challenge: str

    @classmethod
    def fresh(cls) -> "Pkce":
        """Make a pair."""
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


async def register(http: httpx.AsyncClient) -> str:
    """Register somebody, and return their address."""
    return (await _registered(http))["email"]


async def log_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> dict[str, str]:
    """Log somebody in, and return the header of their requests."""
    answer = await http.post("/v1/sessions", json={"email": email, "password": password})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def new_merchant(stack: Stack, http: httpx.AsyncClient) -> dict[str, str]:
    """Have the admin make somebody a merchant, and return the header of their requests."""
    secrets_of_stack = stack.parts.secrets
    admin = await log_in(http, secrets_of_stack.admin_email, secrets_of_stack.admin_password.get_secret_value())
    user = await _registered(http)
    made = await http.post(f"/v1/users/{user['id']}/role", json={"role": "merchant"}, headers=admin)
    assert made.status_code == 200, made.text
    return await log_in(http, user["email"])


async def _registered(http: httpx.AsyncClient) -> dict[str, str]:
    answer = await http.post("/v1/users", json={"email": f"{new_id()}@ledgerlink.example", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    user: dict[str, str] = answer.json()
    return user


async def new_app(http: httpx.AsyncClient, merchant: dict[str, str], **changes: Any) -> App:
    """Register an app of a merchant's."""
    asked: dict[str, Any] = {
        "name": "Shop",
        "confidential": True,
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scopes": ["wallets", "payments"],
    } | changes
    answer = await http.post("/v1/oauth_clients", json=asked, headers=merchant)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return App(made["client"]["id"], made.get("client_secret"), (asked["redirect_uris"] or [""])[0])


def authorization_url(app: App, pkce: Pkce, **changes: str) -> str:
    """Return where an app sends a user."""
    asked = {
        "response_type": "code",
        "client_id": app.id,
        "redirect_uri": app.redirect_uri,
        "scope": "wallets payments",
        "state": "as it came",
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
    } | changes
    return f"/oauth/authorize?{urlencode(asked)}"
