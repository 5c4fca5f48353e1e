"""Who pays much long after logging in is asked to log in again, across gateway, payments and risk (RFC 9470)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.people import CURRENCY, PASSWORD, new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

LARGE, SMALL = 6_000_00, 10_00
INTENTS = "/v1/payment_intents"


@dataclass
class Payer:
    """Somebody with money whose session is a day old, and who asks with its access token."""

    http: httpx.AsyncClient
    token: str
    source: str
    destination: str

    async def ask(self, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(new_id())}
        return await self.http.post(path, json=body, headers=headers)

    async def pay(self, amount: int) -> httpx.Response:
        wallets = {"source_wallet": self.source, "destination_wallet": self.destination}
        return await self.ask(INTENTS, wallets | {"amount": amount, "currency": CURRENCY, "confirm": True})


@pytest_asyncio.fixture(loop_scope="session")
async def payer(stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink) -> Payer:
    email = f"{new_id()}@ledgerlink.example"
    shop = await new_customer(gateway, operator)
    registered = await http.post("/v1/users", json={"email": email, "password": PASSWORD})
    assert registered.status_code == 201, registered.text
    session = await http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    refreshed = await _a_day_later(stack, http, session.json())
    payer = Payer(http, refreshed["access_token"], "", str(shop.wallet))
    payer.source = (await payer.ask("/v1/wallets", {"currency": CURRENCY})).json()["id"]
    for _ in range(2):
        await operator.wallets.top_up(payer.source, LARGE, CURRENCY)
    return payer


async def _a_day_later(stack: Stack, http: httpx.AsyncClient, session: dict[str, Any]) -> dict[str, Any]:
    """Move the session's login back by a day, and return the tokens that its refresh token gives."""
    connection = await asyncpg.connect(stack.parts.postgres.owner_url("identity"))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await connection.execute(
        "UPDATE user_session SET authenticated_at = $2 WHERE id = $1::uuid", session["session_id"], yesterday
    )
    await connection.close()
    form = {"grant_type": "refresh_token", "client_id": "ledgerlink", "refresh_token": session["refresh_token"]}
    answer = await http.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def test_a_large_payment_goes_through_after_its_payer_has_stepped_up(payer: Payer) -> None:
    assert (await payer.pay(SMALL)).status_code == 201
    asked = await payer.pay(LARGE)
    document = asked.json()
    assert (asked.status_code, document["code"]) == (401, "insufficient_user_authentication"), asked.text
    assert 'error="insufficient_user_authentication"' in asked.headers["WWW-Authenticate"]
    assert "max_age=" in asked.headers["WWW-Authenticate"]
    intent = document["payment_intent"]
    assert (intent["status"], intent["last_payment_error"]["code"]) == (
        "requires_payment_method",
        "authentication_required",
    )
    confirm = f"{INTENTS}/{intent['id']}/confirm"
    method = {"payment_method": {"type": "wallet", "wallet": payer.source}}
    assert (await payer.ask(confirm, method)).status_code == 401  # nothing has changed yet

    wrong = await payer.ask("/v1/sessions/step_up", {"password": "not the password"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    stepped_up = await payer.ask("/v1/sessions/step_up", {"password": PASSWORD})
    assert stepped_up.status_code == 200, stepped_up.text
    payer.token = stepped_up.json()["access_token"]

    paid = await payer.ask(confirm, method)
    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded"), paid.text


async def test_a_second_factor_is_not_begun_by_an_old_login(payer: Payer) -> None:
    refused = await payer.ask("/v1/users/me/totp")
    assert (refused.status_code, refused.json()["code"]) == (401, "insufficient_user_authentication")
    assert 'max_age="900"' in refused.headers["WWW-Authenticate"]
    stepped_up = await payer.ask("/v1/sessions/step_up", {"password": PASSWORD})
    payer.token = stepped_up.json()["access_token"]
    assert (await payer.ask("/v1/users/me/totp")).status_code == 201
