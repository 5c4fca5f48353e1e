"""Limits across identity, gateway, payments, risk and the command line: tiers, what is held, what comes free."""

import asyncio
import json

import httpx
import pytest

from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.risk_people import Person, new_person, risk_command
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN_CURRENCY = "NOK"
"""Limits of a currency that no other test on the stack pays in."""
SET = ("limits", "set", "unverified", "--currency", OWN_CURRENCY, "--reason", "For small money.", "--per-payment", "50")


async def test_limits_hold_over_all_that_is_held_and_what_is_canceled_comes_free(
    stack: Stack, http: httpx.AsyncClient, operator: LedgerLink
) -> None:
    analyst, payer, shop = await asyncio.gather(
        *(new_person(stack, http, r) for r in ("analyst", "customer", "merchant"))
    )
    by = analyst.login
    wrong = await risk_command(stack, *SET, "--per-day", "40", "--per-month", "100", **by)
    assert (wrong.exit_code, "Error: Per payment" in wrong.stderr) == (1, True)
    done = await risk_command(stack, *SET, "--per-day", "80", "--per-month", "100", **by)
    assert (done.exit_code, done.stdout) == (0, "Set for unverified in NOK.\n"), done.stderr
    listed = json.loads((await risk_command(stack, "limits", "--json")).stdout)
    assert [limit["changed_by"] for limit in listed if limit["currency"] == OWN_CURRENCY] == [analyst.id]
    assert "NOK" in (await risk_command(stack, "limits")).stdout

    source, destination = await payer.wallet(OWN_CURRENCY), await shop.wallet(OWN_CURRENCY)
    await operator.wallets.top_up(source, 500_00, OWN_CURRENCY)

    async def pay(amount: int) -> tuple[str, str]:
        money = {"amount": amount, "currency": OWN_CURRENCY, "confirm": True, "capture_method": "manual"}
        answer = await payer.send(
            "POST", "/v1/payment_intents", source_wallet=source, destination_wallet=destination, **money
        )
        told = answer.json()
        return (told["id"], told["status"]) if answer.is_success else (told["payment_intent"]["id"], told["code"])

    held, status = await pay(50_00)
    assert status == "requires_capture"
    assert [(await pay(amount))[1] for amount in (50_01, 40_00)] == ["payment_declined"] * 2
    canceled = await payer.send("POST", f"/v1/payment_intents/{held}/cancel")
    assert canceled.status_code == 200, canceled.text
    path = f"/v1/risk/customers/{payer.id}"
    await eventually("what was held is free", lambda: _uses(analyst, path, 0))
    assert (await pay(40_00))[1] == "requires_capture"
    assert await _uses(analyst, path, 40_00)

    async def is_business() -> bool:
        return bool((await analyst.get(f"/v1/risk/customers/{shop.id}")).json()["tier"] == "business")

    await eventually("risk knows of the merchant", is_business)
    moved = await analyst.send("POST", f"{path}/tier", tier="verified", reason="Seen a passport.")
    assert (moved.status_code, moved.json()["set_by"]) == (200, analyst.id)
    assert (await pay(50_01))[1] == "requires_capture"
    assert (await payer.send("POST", f"{path}/tier", tier="business", reason="I want more.")).status_code == 403


async def _uses(analyst: Person, path: str, amount: int) -> bool:
    answer = await analyst.get(path)
    return bool([(use["currency"], use["used_today"]) for use in answer.json()["uses"]] == [(OWN_CURRENCY, amount)])
