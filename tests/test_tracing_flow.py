"""One payment is one trace: every hop's spans, collected over OTLP, make one tree below the HTTP request."""

from collections import Counter
from uuid import uuid4

import httpx
import pytest

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from tests.people import CURRENCY, new_customer
from tests.span_collector import CollectedSpan, SpanCollector
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOPS = {
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


def recorded_trace_id() -> str:
    """Return one of the few trace ids that the tests' stack records: their lower half decides (tests/conftest.py)."""
    return f"{uuid4().hex[:16]}{1:016x}"


async def test_one_payment_is_one_trace(
    http: httpx.AsyncClient, gateway: LedgerLink, operator: LedgerLink, spans: SpanCollector
) -> None:
    ada, grace = await new_customer(gateway, operator, 10_000), await new_customer(gateway, operator)
    trace_id = recorded_trace_id()
    headers = ada.bearer | {"Idempotency-Key": str(new_id()), "traceparent": f"00-{trace_id}-{1:016x}-00"}
    order = {"source_wallet": str(ada.wallet), "destination_wallet": str(grace.wallet), "amount": 1250}
    order |= {"currency": CURRENCY, "confirm": True}
    answer = await http.post("/v1/payment_intents", json=order, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["traceresponse"].startswith(f"00-{trace_id}-")

    async def whole() -> list[CollectedSpan] | None:
        found = spans.of_trace(trace_id)
        return found if HOPS.keys() <= {(s.name, s.service.removeprefix("ledgerlink-")) for s in found} else None

    found = await eventually("every hop's span has come", whole)
    by_id = {span.id: span for span in found}
    tree = {(s.name, s.service.removeprefix("ledgerlink-")): s for s in found}
    for hop, below in HOPS.items():
        parent = by_id.get(tree[hop].parent)
        assert (parent.name if parent else None) == below, hop
    roots = [span for span in found if span.parent not in by_id]
    assert Counter(span.name for span in roots) == {"POST /v1/payment_intents": 1}
    statements = [s for s in found if by_id.get(s.parent) == tree["process wallet-ledger", "wallet"]]
    assert "INSERT inbox" in {s.name for s in statements}, "what a batch asks of the database is below it"
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
