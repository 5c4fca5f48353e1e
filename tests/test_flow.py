"""Payments as a customer makes them: over HTTP, through every process, to entries in the ledger."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from contracts.ids import new_id
from contracts.topology import SERVICES
from ledgerlink_client import ConflictError, DeclinedError, LedgerLink, Options
from ledgerlink_client.models.payments import PaymentStatus
from ops.hops import Hop, read_hops
from ops.stack.stack import Stack
from tests.brokers import connected
from tests.people import CURRENCY, Customer, new_customer
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNDS = 10_000
ABOVE_THE_RISK_LIMIT = 1_000_001  # one cent more than 10,000.00 EUR


async def _pair(gateway: LedgerLink, operator: LedgerLink) -> tuple[Customer, Customer]:
    ada, grace = await asyncio.gather(new_customer(gateway, operator, FUNDS), new_customer(gateway, operator))
    return ada, grace


def _order(ada: Customer, grace: Customer, amount: int = 1250, **other: Any) -> dict[str, Any]:
    """Return the body of a payment from Ada to Grace that is set going at once."""
    wallets = {"source_wallet": str(ada.wallet), "destination_wallet": str(grace.wallet)}
    return wallets | {"amount": amount, "currency": CURRENCY, "confirm": True} | other


async def _pay(
    http: httpx.AsyncClient, payer: Customer, order: Mapping[str, Any], key: str | None = None, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    own = payer.bearer | {"Idempotency-Key": key or str(new_id())} | named
    return await http.post("/v1/payment_intents", json=dict(order), headers=own)


async def _entries(customer: Customer) -> list[tuple[int, int]]:
    """Return a wallet's entries, newest first: (amount, balance after)."""
    return [(entry.amount, entry.balance_after) async for entry in customer.session.wallets.entries(customer.wallet)]


async def test_a_payment_becomes_two_entries(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    response = await _pay(http, ada, _order(ada, grace, description="tea"))
    assert response.status_code == 201, response.text
    intent = response.json()
    assert (intent["status"], intent["amount"], intent["currency"], intent["description"]) == (
        "succeeded", 1250, CURRENCY, "tea",
    )  # fmt: skip
    assert response.headers["Location"] == f"/v1/payment_intents/{intent['id']}"
    assert (await ada.session.payment_intents.get(UUID(intent["id"]))).model_dump(
        mode="json", exclude_none=True
    ) == intent

    assert await _entries(ada) == [(-1250, FUNDS - 1250), (FUNDS, FUNDS)]
    assert await _entries(grace) == [(1250, 1250)]
    assert (await ada.balance(), await grace.balance()) == (FUNDS - 1250, 1250)
    for owner in (ada, grace):
        transfer = await owner.session.transfers.get(UUID(intent["transfer_id"]))
        assert (transfer.debit_account, transfer.credit_account) == (ada.wallet, grace.wallet)
        assert (transfer.amount, transfer.currency, str(transfer.reference)) == (1250, CURRENCY, intent["id"])


async def test_what_risk_declines_moves_no_money(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    response = await _pay(http, ada, _order(ada, grace, ABOVE_THE_RISK_LIMIT))
    assert response.status_code == 402
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "payment_declined"
    declined = problem["payment_intent"]
    assert declined["status"] == PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert declined["last_payment_error"]["code"] == "payment_declined"
    assert "transfer_id" not in declined
    read = await ada.session.payment_intents.get(UUID(declined["id"]))
    assert read.model_dump(mode="json", exclude_none=True) == declined
    assert (await ada.balance(), await grace.balance()) == (FUNDS, 0)
    assert await _entries(grace) == []


async def test_too_little_money_is_a_decline_that_can_be_paid_after_a_top_up(
    gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    with pytest.raises(DeclinedError) as refused:
        await ada.pay(grace.wallet, FUNDS + 1)
    assert (refused.value.status, refused.value.code) == (402, "insufficient_funds")
    intent = refused.value.payment_intent
    assert intent is not None
    assert intent.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
    assert (await ada.balance(), await grace.balance()) == (FUNDS, 0)

    await operator.wallets.top_up(ada.wallet, 1, CURRENCY)
    again = await ada.session.payment_intents.confirm(intent.id)
    assert (again.answer.status, again.status) == (200, PaymentStatus.SUCCEEDED)
    assert again.last_payment_error is None
    assert (await ada.balance(), await grace.balance()) == (0, FUNDS + 1)


async def test_the_same_key_gives_the_same_answer_and_one_effect(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    for order, status in ((_order(ada, grace), 201), (_order(ada, grace, ABOVE_THE_RISK_LIMIT), 402)):
        key = str(new_id())
        first, second = [await _pay(http, ada, order, key, X_Correlation_Id="repeated") for _ in range(2)]
        assert first.status_code == status, first.text
        assert (second.status_code, second.json()) == (first.status_code, first.json())
        assert second.headers.get("Location") == first.headers.get("Location")
    assert (await ada.balance(), await grace.balance()) == (FUNDS - 1250, 1250)


async def test_the_same_key_with_another_body_is_refused(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    key = str(new_id())
    assert (await _pay(http, ada, _order(ada, grace), key)).status_code == 201
    other = await _pay(http, ada, _order(ada, grace, 1251), key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await grace.balance() == 1250


async def test_keys_are_each_customers_own(http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink) -> None:
    ada, grace = await _pair(gateway, operator)
    await operator.wallets.top_up(grace.wallet, FUNDS, CURRENCY)
    key = str(new_id())
    assert (await _pay(http, ada, _order(ada, grace), key)).status_code == 201
    assert (await _pay(http, grace, _order(grace, ada), key)).status_code == 201
    assert (await ada.balance(), await grace.balance()) == (FUNDS, FUNDS)


async def test_one_key_sent_many_times_at_once_pays_once(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    key = str(new_id())
    answers = await asyncio.gather(*(_pay(http, ada, _order(ada, grace), key) for _ in range(12)))
    paid = [answer for answer in answers if answer.status_code == 201]
    early = [answer for answer in answers if answer.status_code != 201]
    assert paid
    assert {answer.json()["id"] for answer in paid} == {paid[0].json()["id"]}
    assert {(answer.status_code, answer.json()["code"]) for answer in early} <= {(409, "idempotency_key_in_progress")}
    assert (await ada.balance(), await grace.balance()) == (FUNDS - 1250, 1250)


async def test_a_wallet_is_never_overdrawn_by_payments_at_once(gateway: LedgerLink, operator: LedgerLink) -> None:
    ada, grace = await _pair(gateway, operator)

    async def pay() -> str:
        try:
            return (await ada.pay(grace.wallet, 3_000)).status
        except DeclinedError as error:
            return error.code

    outcomes = await asyncio.gather(*(pay() for _ in range(10)))
    assert sorted(outcomes) == ["insufficient_funds"] * 7 + ["succeeded"] * 3
    assert (await ada.balance(), await grace.balance()) == (FUNDS - 9_000, 9_000)


async def test_respond_async_is_answered_at_once_and_followed_to_its_outcome(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    response = await _pay(http, ada, _order(ada, grace), Prefer="respond-async")
    assert response.status_code == 202, response.text
    assert response.headers["Preference-Applied"] == "respond-async"
    assert response.json()["status"] == PaymentStatus.PROCESSING
    location, intent = response.headers["Location"], f"/v1/payment_intents/{response.json()['id']}"
    assert response.headers["Content-Location"] == intent

    async def final() -> dict[str, Any] | None:
        operation: dict[str, Any] = (await http.get(location, headers=ada.bearer)).json()
        return None if operation["status"] == "processing" else operation

    async with http.stream("GET", f"{location}/events", headers=ada.bearer) as stream:
        events = [line async for line in stream.aiter_lines() if line.startswith("event: ")]
    assert events[-1] == "event: operation.succeeded"
    operation = await eventually("the payment is final", final)
    assert (operation["status"], operation["location"]) == ("succeeded", intent)
    assert operation["resource"] == (await http.get(intent, headers=ada.bearer)).json()
    assert await grace.balance() == 1250
    for other in (await http.get(location, headers=grace.bearer), await http.get(f"{location}x", headers=ada.bearer)):
        assert (other.status_code, other.json()["code"]) == (404, "operation_not_found")


async def test_a_payment_can_be_created_first_and_confirmed_later(gateway: LedgerLink, operator: LedgerLink) -> None:
    ada, grace = await _pair(gateway, operator)
    created = await ada.pay(grace.wallet, 500, confirm=False)
    assert (created.answer.status, created.status) == (201, PaymentStatus.REQUIRES_CONFIRMATION)
    assert await grace.balance() == 0
    options = Options(idempotency_key=str(new_id()))
    confirmed = await ada.session.payment_intents.confirm(created.id, options=options)
    assert (confirmed.answer.status, confirmed.status) == (200, PaymentStatus.SUCCEEDED)
    repeated = await ada.session.payment_intents.confirm(created.id, options=options)
    assert (repeated.answer.status, repeated) == (200, confirmed)
    with pytest.raises(ConflictError) as refused:
        await ada.session.payment_intents.confirm(created.id)
    assert (refused.value.status, refused.value.code) == (409, "payment_intent_unexpected_state")
    assert await grace.balance() == 500


async def test_opening_and_funding_are_repeatable_too(gateway: LedgerLink, operator: LedgerLink) -> None:
    ada = await new_customer(gateway, operator)
    options = Options(idempotency_key=str(new_id()))
    first, second = [await ada.session.wallets.open("JPY", options=options) for _ in range(2)]
    assert first == second
    transfers = [await operator.wallets.top_up(ada.wallet, 700, CURRENCY, options=options) for _ in range(2)]
    assert transfers[0] == transfers[1]
    assert await ada.balance() == 700


async def test_what_belongs_to_others_does_not_exist(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    mallory = await new_customer(gateway, operator)
    intent = (await _pay(http, ada, _order(ada, grace))).json()
    resources = (
        ("wallet_not_found", f"/v1/wallets/{ada.wallet}"),
        ("wallet_not_found", f"/v1/wallets/{ada.wallet}/entries"),
        ("payment_intent_not_found", f"/v1/payment_intents/{intent['id']}"),
        ("transfer_not_found", f"/v1/transfers/{intent['transfer_id']}"),
    )
    for code, path in resources:
        assert (await http.get(path, headers=ada.bearer)).status_code == 200
        other = await http.get(path, headers=mallory.bearer)
        assert (other.status_code, other.json().get("code")) == (404, code)
        nobodys = await http.get(path.replace(path.split("/")[3], str(new_id())), headers=mallory.bearer)
        assert (other.status_code, _told(other)) == (nobodys.status_code, _told(nobodys)), (
            "the answer tells that it exists"
        )
    confirmed = await http.post(
        f"/v1/payment_intents/{intent['id']}/confirm",
        headers=mallory.bearer | {"Idempotency-Key": str(new_id())},
    )
    assert (confirmed.status_code, confirmed.json()["code"]) == (404, "payment_intent_not_found")
    stolen = await _pay(http, mallory, _order(ada, mallory))
    assert (stolen.status_code, stolen.json()["code"]) == (404, "wallet_not_found")
    assert stolen.json()["parameter"] == "source_wallet"
    assert mallory.session.tokens.scope == "profile wallets payments"
    assert await ada.balance() == FUNDS - 1250


def _told(response: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name != "correlation_id"}


async def test_the_correlation_id_comes_back(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    answered = await _pay(http, ada, _order(ada, grace), X_Correlation_Id="order-4711")
    assert answered.headers["X-Correlation-Id"] == "order-4711"
    problem = await http.get("/v1/wallets", headers={"X-Correlation-Id": "order-4712"})
    assert (problem.status_code, problem.json()["correlation_id"]) == (401, "order-4712")
    unsound = await http.get("/v1/wallets", headers=ada.bearer | {"X-Correlation-Id": "a b\tc" * 100})
    assert unsound.status_code == 200
    assert UUID(unsound.headers["X-Correlation-Id"]).version == 7


CHOREOGRAPHY = [
    ("CreatePaymentIntent", "gateway", ["payments"]),
    ("Assess", "payments", ["risk"]),
    ("PaymentIntentCreated", "payments", []),
    ("RiskDecision", "risk", ["payments"]),
    ("PostTransfer", "payments", ["wallet"]),
    ("TransferPosted", "wallet", ["payments"]),
    ("PaymentIntentSucceeded", "payments", ["risk"]),
]


async def test_every_hop_carries_the_requests_correlation_id_and_trace(
    stack: Stack, http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink
) -> None:
    ada, grace = await _pair(gateway, operator)
    correlation_id, trace_id, since = f"flow-{new_id()}", new_id().hex, datetime.now(UTC)
    response = await _pay(
        http,
        ada,
        _order(ada, grace),
        X_Correlation_Id=correlation_id,
        traceparent=f"00-{trace_id}-00f067aa0ba902b7-01",
    )
    assert response.status_code == 201
    hops = await _hops(stack, correlation_id, since)
    told = [(hop.message.__name__, hop.said_by, [taking.service for taking in hop.taken]) for hop in hops]
    assert told == CHOREOGRAPHY
    traces = await _traces(stack, correlation_id)
    assert len(traces) == len(CHOREOGRAPHY) - 1  # the gateway has no outbox
    assert {traceparent.split("-")[1] for traceparent in traces} == {trace_id}
    assert len({traceparent.split("-")[2] for traceparent in traces}) == len(traces), "each hop is a span of its own"


async def _hops(stack: Stack, correlation_id: str, since: datetime) -> list[Hop]:
    urls = {service: stack.parts.postgres.owner_url(service) for service in SERVICES}
    async with connected(stack, "provisioner") as nc:
        return await read_hops(urls, nc, correlation_id, since)


async def _traces(stack: Stack, correlation_id: str) -> list[str]:
    """Return the traceparents that the services' outboxes hold for a request."""
    found: list[str] = []
    for service in SERVICES:
        connection = await asyncpg.connect(stack.parts.postgres.owner_url(service))
        try:
            found += [row["traceparent"] for row in await connection.fetch(_TRACES, correlation_id)]
        finally:
            await connection.close()
    return found


_TRACES = "SELECT envelope->>'traceparent' AS traceparent FROM outbox WHERE envelope->>'correlationid' = $1"
