"""`ledgerlink trace`: a payment's life from whatever id one has, read from the services' own tables."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.cli import app
from ops.stack.stack import Stack
from tests.people import CURRENCY, Customer, new_customer

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHOREOGRAPHY = [
    ("CreatePaymentIntent", "gateway", None),
    ("Assess", "payments", "CreatePaymentIntent"),
    ("PaymentIntentCreated", "payments", "CreatePaymentIntent"),
    ("RiskDecision", "risk", "Assess"),
    ("PostTransfer", "payments", "RiskDecision"),
    ("TransferPosted", "wallet", "PostTransfer"),
    ("PaymentIntentSucceeded", "payments", "TransferPosted"),
]


async def _run(stack: Stack, *words: str) -> Result:
    told = ["trace", *words, "--data-dir", str(stack.layout.root)]
    return await asyncio.to_thread(CliRunner().invoke, app, told)


async def _trace(stack: Stack, identifier: str) -> dict[str, Any]:
    told = await _run(stack, identifier, "--json")
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


async def _pay(http: httpx.AsyncClient, ada: Customer, grace: Customer, correlation: str) -> dict[str, Any]:
    order = {
        "source_wallet": str(ada.wallet),
        "destination_wallet": str(grace.wallet),
        "amount": 1250,
        "currency": CURRENCY,
        "confirm": True,
    }
    headers = ada.bearer | {"Idempotency-Key": str(new_id()), "X-Correlation-Id": correlation}
    answer = await http.post("/v1/payment_intents", json=order, headers=headers)
    assert answer.status_code == 201, answer.text
    paid: dict[str, Any] = answer.json()
    return paid


def _told(messages: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    names = {line["id"]: line["message"] for line in messages}
    return [(line["message"], line["said_by"], names.get(line.get("cause", ""))) for line in messages]


async def test_a_life_is_found_by_every_id_of_it(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await asyncio.gather(new_customer(gateway, operator, 10_000), new_customer(gateway, operator))
    correlation = f"order-{new_id()}"
    paid = await _pay(http, ada, grace, correlation)
    await _pay(http, ada, grace, correlation)  # another payment under the same correlation id
    life = await _trace(stack, paid["id"])
    assert life["named"] == "payment intent"
    assert _told(life["messages"]) == CHOREOGRAPHY
    assert {line["correlation_id"] for line in life["messages"]} == {correlation}
    payment = life["payment"]
    assert (payment["status"], payment["amount"]) == ("succeeded", 1250)
    assert payment["timeline"][-1]["state"] == "succeeded"
    [decision] = payment["decisions"]
    assert decision["outcome"] == "approve"
    [transfer] = payment["ledger"]["transfers"]
    assert (transfer["id"], transfer["debit_account"]) == (paid["transfer_id"], str(ada.wallet))

    for identifier, named in ((paid["transfer_id"], "transfer"), (decision["assessment_id"], "assessment")):
        again = await _trace(stack, identifier)
        assert (again["payment"]["id"], again["messages"]) == (paid["id"], life["messages"]), named
    for line in (life["messages"][0], life["messages"][4]):  # the gateway's, and one of an outbox
        found = await _trace(stack, line["id"])
        assert line in found["messages"]
    both = await _trace(stack, correlation)
    assert (both["named"], len(both["messages"])) == ("correlation id", 2 * len(CHOREOGRAPHY))

    shown = await _run(stack, paid["id"])
    assert shown.exit_code == 0, shown.output
    assert f"payment intent {paid['id']}" in shown.stdout
    assert all(name in shown.stdout for name, _, _ in CHOREOGRAPHY)


@pytest.mark.parametrize("identifier", [str(new_id()), "nobody-said-this", "019a8f2e-7c00-4000-8000-000000000021"])
async def test_what_nobody_knows_is_said(stack: Stack, identifier: str) -> None:
    told = await _run(stack, identifier)
    assert told.exit_code == 1
    assert told.stdout == ""
    assert f"nothing is known of {identifier}" in told.stderr
