"""One payment is one trace: every hop's spans, collected over OTLP, make one tree below the HTTP request."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from tests.people import CURRENCY, Customer, new_customer
from tests.span_collector import CollectedSpan, SpanCollector
from tests.waiting import eventually
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")
Hop = tuple[str, str]
"""A span's name and its service."""
HOPS: dict[Hop, str | None] = {
    ("POST /v1/payment_intents", "gateway"): None,
    ("send ledgerlink.payments.create_payment_intent.v1", "gateway"): "POST /v1/payment_intents",
    ("process payments-commands", "payments"): "send ledgerlink.payments.create_payment_intent.v1",
    ("send ledgerlink.risk.assess.v1", "payments"): "process payments-commands",
    ("publish RISK_COMMANDS", "payments"): "send ledgerlink.risk.assess.v1",
    ("process risk-assess", "risk"): "send ledgerlink.risk.assess.v1",
    ("send ledgerlink.risk.decision.v1", "risk"): "process risk-assess",
    ("process payments-risk-decision", "payments"): "send ledgerlink.risk.decision.v1",
    ("send ledgerlink.wallet.post_transfer.v1", "payments"): "process payments-risk-decision",
    ("process wallet-ledger", "wallet"): "send ledgerlink.wallet.post_transfer.v1",
    ("send ledgerlink.wallet.transfer.posted.v1", "wallet"): "process wallet-ledger",
    ("process payments-ledger-outcome", "payments"): "send ledgerlink.wallet.transfer.posted.v1",
    ("send ledgerlink.payments.payment_intent.succeeded.v1", "payments"): "process payments-ledger-outcome",
}
"""Each hop, and the span that it hangs below."""
OF_A_CARD_PAYMENT: dict[Hop, str | None] = {
    ("charge sandbox", "payments"): "process payments-commands",
    ("deliver payment_intent.created", "payments"): "process payments-commands",
    ("deliver payment_intent.succeeded", "payments"): "process payments-ledger-outcome",
}
OF_A_REFUND: dict[Hop, str | None] = {("refund sandbox", "payments"): "process payments-commands"}


def recorded_trace_id() -> str:
    """Return one of the few trace ids that the tests' stack records: their lower half decides (tests/conftest.py)."""
    return f"{uuid4().hex[:16]}{1:016x}"


async def traced(http: httpx.AsyncClient, who: Customer, path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Ask for something in a trace that is recorded; return the trace's id and what was made."""
    trace_id = recorded_trace_id()
    headers = who.bearer | {"Idempotency-Key": str(new_id()), "traceparent": f"00-{trace_id}-{1:016x}-00"}
    answer = await http.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["traceresponse"].startswith(f"00-{trace_id}-")
    return trace_id, answer.json()


async def whole_trace(spans: SpanCollector, trace_id: str, hops: Mapping[Hop, str | None]) -> list[CollectedSpan]:
    """Return a trace's spans once those of all hops have come, and see each below the one where it belongs."""

    async def whole() -> list[CollectedSpan] | None:
        found = spans.of_trace(trace_id)
        return found if hops.keys() <= {(s.name, s.service.removeprefix("ledgerlink-")) for s in found} else None

    found = await eventually("every hop's span has come", whole)
    by_id = {span.id: span for span in found}
    tree = {(s.name, s.service.removeprefix("ledgerlink-")): s for s in found}
    for hop, below in hops.items():
        parent = by_id.get(tree[hop].parent)
        assert (parent.name if parent else None) == below, hop
    return found


async def test_one_payment_is_one_trace(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink, spans: SpanCollector
) -> None:
    ada, grace = await new_customer(gateway, operator, 10_000), await new_customer(gateway, operator)
    order = {"source_wallet": str(ada.wallet), "destination_wallet": str(grace.wallet), "amount": 1250}
    trace_id, _ = await traced(http, ada, "/v1/payment_intents", order | {"currency": CURRENCY, "confirm": True})
    found = await whole_trace(spans, trace_id, HOPS)
    by_id = {span.id: span for span in found}
    roots = [span for span in found if span.parent not in by_id]
    assert Counter(span.name for span in roots) == {"POST /v1/payment_intents": 1}
    ledger = next(span.id for span in found if span.name == "process wallet-ledger")
    below = {span.name for span in found if span.parent == ledger}
    assert "INSERT inbox" in below, "what a batch asks of the database is below it"
    assert not [span.name for span in found if span.failed]


async def test_what_is_asked_of_others_is_part_of_the_trace(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink, spans: SpanCollector
) -> None:
    ada, shop = await new_customer(gateway, operator), await new_customer(gateway, operator)
    own = shop.bearer | {"Idempotency-Key": str(new_id())}
    order: dict[str, Any] = {"payment_method": {"type": "card", "token": "tok_visa"}}
    order |= {"destination_wallet": str(shop.wallet), "amount": 1250, "currency": CURRENCY, "confirm": True}
    async with receiving() as merchant:
        made = await http.post("/v1/webhook_endpoints", json={"url": merchant.url, "events": ["*"]}, headers=own)
        assert made.status_code == 201
        paid, intent = await traced(http, ada, "/v1/payment_intents", order)
        refunded, _ = await traced(http, shop, "/v1/refunds", {"payment_intent": intent["id"]})
        found = await whole_trace(spans, paid, OF_A_CARD_PAYMENT)
        found += await whole_trace(spans, refunded, OF_A_REFUND)
    told = {span.name: span.attributes for span in found}
    assert told["charge sandbox"]["ledgerlink.operation.status"] == "approved"
    assert told["deliver payment_intent.succeeded"]["ledgerlink.webhook.result"] == "2xx"
    assert not [span.name for span in found if span.failed]


async def test_clients_cannot_have_themselves_recorded(http: httpx.AsyncClient, spans: SpanCollector) -> None:
    trace_id = f"{uuid4().hex[:16]}{'f' * 16}"
    answer = await http.get("/v1/wallets", headers={"traceparent": f"00-{trace_id}-{1:016x}-01"})
    assert answer.headers["traceresponse"].endswith("-00")
    assert spans.of_trace(trace_id) == []


async def test_nobodys_values_are_in_spans(spans: SpanCollector) -> None:
    for span in spans.all():
        for name, value in span.attributes.items():
            assert "@" not in str(value), (span.name, name)
            assert "Bearer" not in str(value), (span.name, name)
