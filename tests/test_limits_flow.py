"""Limits across identity, gateway, payments, risk and the command line: tiers, what is held, what comes free."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.cli import app
from ops.stack.stack import Stack
from tests.oauth_people import log_in
from tests.people import PASSWORD
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN_CURRENCY = "CHF"
"""Limits of a currency that no other test on the stack pays in."""
SET = ("set", "unverified", "--currency", OWN_CURRENCY, "--reason", "For small money.", "--per-payment", "50")


@dataclass
class Person:
    """Somebody who asks with an access token."""

    http: httpx.AsyncClient
    id: str
    email: str
    header: dict[str, str]

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(path, json=body, headers=self.header | {"Idempotency-Key": str(new_id())})

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(path, headers=self.header)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def _person(stack: Stack, http: httpx.AsyncClient, role: str = "customer") -> Person:
    email = f"{new_id()}@ledgerlink.example"
    user = (await http.post("/v1/users", json={"email": email, "password": PASSWORD})).json()
    if role != "customer":
        secrets = stack.parts.secrets
        admin = await log_in(http, secrets.admin_email, secrets.admin_password.get_secret_value())
        made = await http.post(f"/v1/users/{user['id']}/role", json={"role": role}, headers=admin)
        assert made.status_code == 200, made.text
    return Person(http, user["id"], email, await log_in(http, email, PASSWORD))


async def _limits(stack: Stack, *arguments: str, **environment: str) -> Result:
    where = ["--data-dir", str(stack.layout.root)]
    return await asyncio.to_thread(CliRunner().invoke, app, ["risk", "limits", *arguments, *where], env=environment)


async def test_limits_hold_over_all_that_is_held_and_what_is_canceled_comes_free(
    stack: Stack, http: httpx.AsyncClient, operator: LedgerLink
) -> None:
    analyst, payer, shop = await asyncio.gather(*(_person(stack, http, r) for r in ("analyst", "customer", "merchant")))
    by = {"LEDGERLINK_EMAIL": analyst.email, "LEDGERLINK_PASSWORD": PASSWORD}
    wrong = await _limits(stack, *SET, "--per-day", "40", "--per-month", "100", **by)
    assert (wrong.exit_code, "Error: Per payment" in wrong.stderr) == (1, True)
    done = await _limits(stack, *SET, "--per-day", "80", "--per-month", "100", **by)
    assert (done.exit_code, done.stdout) == (0, "Set for unverified in CHF.\n"), done.stderr
    listed = json.loads((await _limits(stack, "--json")).stdout)
    assert [limit["changed_by"] for limit in listed if limit["currency"] == OWN_CURRENCY] == [analyst.id]
    assert "CHF" in (await _limits(stack)).stdout

    source, destination = [
        (await person.post("/v1/wallets", currency=OWN_CURRENCY)).json()["id"] for person in (payer, shop)
    ]
    await operator.wallets.top_up(source, 500_00, OWN_CURRENCY)

    async def pay(amount: int) -> tuple[str, str]:
        money = {"amount": amount, "currency": OWN_CURRENCY, "confirm": True, "capture_method": "manual"}
        answer = await payer.post("/v1/payment_intents", source_wallet=source, destination_wallet=destination, **money)
        told = answer.json()
        return (told["id"], told["status"]) if answer.is_success else (told["payment_intent"]["id"], told["code"])

    held, status = await pay(50_00)
    assert status == "requires_capture"
    assert [(await pay(amount))[1] for amount in (50_01, 40_00)] == ["payment_declined"] * 2
    canceled = await payer.post(f"/v1/payment_intents/{held}/cancel")
    assert canceled.status_code == 200, canceled.text
    path = f"/v1/risk/customers/{payer.id}"
    await eventually("what was held is free", lambda: _uses(analyst, path, 0))
    assert (await pay(40_00))[1] == "requires_capture"
    assert await _uses(analyst, path, 40_00)

    async def is_business() -> bool:
        return bool((await analyst.get(f"/v1/risk/customers/{shop.id}"))["tier"] == "business")

    await eventually("risk knows of the merchant", is_business)
    moved = await analyst.post(f"{path}/tier", tier="verified", reason="Seen a passport.")
    assert (moved.status_code, moved.json()["set_by"]) == (200, analyst.id)
    assert (await pay(50_01))[1] == "requires_capture"
    assert (await payer.post(f"{path}/tier", tier="business", reason="I want more.")).status_code == 403


async def _uses(analyst: Person, path: str, amount: int) -> bool:
    answer = await analyst.get(path)
    return bool([(use["currency"], use["used_today"]) for use in answer["uses"]] == [(OWN_CURRENCY, amount)])
