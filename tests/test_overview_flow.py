"""The overview from every service at once, and from those that are left when one has stopped."""

import httpx
import pytest

from ledgerlink_client import LedgerLink
from ops.stack.stack import Stack
from tests.people import new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS = 10_000


async def test_a_customer_sees_profile_balances_and_payments(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    payer, payee = [await new_customer(gateway, operator, FUNDS) for _ in range(2)]
    paid = await payer.pay(payee.wallet, 1250)
    shown = (await http.get("/v1/overview", headers=payer.bearer)).json()
    assert (shown["missing"], shown["not_granted"]) == ([], ["reviews"])
    assert shown["profile"]["role"] == "customer"
    assert [(wallet["id"], wallet["balance"]) for wallet in shown["balances"]] == [(str(payer.wallet), FUNDS - 1250)]
    assert [intent["id"] for intent in shown["payments"]] == [str(paid.id)]


async def test_a_service_that_has_stopped_is_missing_and_the_others_are_not(
    stack: Stack, http: httpx.AsyncClient, operator: LedgerLink
) -> None:
    headers = {"Authorization": f"Bearer {operator.tokens.access_token}"}
    await stack.stop_process("risk")
    try:
        answer = await http.get("/v1/overview", headers=headers)
    finally:
        await stack.start_process("risk")
    shown = answer.json()
    assert answer.status_code == 200
    assert [(part["part"], part["code"]) for part in shown["missing"]] == [("reviews", "unavailable")]
    assert shown.keys() >= {"profile", "balances", "payments"}
    again = (await http.get("/v1/overview", headers=headers)).json()
    assert (again["missing"], "reviews" in again) == ([], True)
