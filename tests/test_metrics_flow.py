"""What each process tells Prometheus: the metrics that dashboards and alerts read, in bounded numbers."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from contracts.topology import DURABLES, SERVICES
from ledgerlink_client import LedgerLink
from ops.stack.ports import HOST
from ops.stack.stack import Stack
from tests.people import new_customer
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROMTOOL = shutil.which("promtool") or ""
MOST_SERIES = 3_000
"""Of one process, with every label value that the code has: a label that holds ids would soon be above it."""
AN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|@|^[0-9]{6,}$")
OF_EVERY_SERVICE = {
    "ledgerlink_consumed_messages",
    "ledgerlink_consumer_batch_messages",
    "ledgerlink_consumer_batch_seconds",
    "ledgerlink_consumer_lag_messages",
    "ledgerlink_consumer_redelivered_messages",
    "ledgerlink_answered_queries",
    "ledgerlink_answered_query_seconds",
    "ledgerlink_outbox_lag_messages",
    "ledgerlink_outbox_lag_seconds",
    "ledgerlink_relay_published_messages",
    "ledgerlink_relay_publish_failures",
    "ledgerlink_relay_rewinds",
    "ledgerlink_relay_leader",
    "ledgerlink_job_failures",
    "ledgerlink_database_pool_connections",
    "ledgerlink_database_pool_limit_connections",
    "process_resident_memory_bytes",
}
OF_ONE = {
    "wallet": {"ledgerlink_ledger_operations", "ledgerlink_ledger_hold_expiries", "ledgerlink_reconciliation_breaks"},
    "payments": {
        "ledgerlink_payments_events",
        "ledgerlink_payments_processor_calls",
        "ledgerlink_payments_circuit_open",
        "ledgerlink_webhook_attempts",
    },
    "risk": {
        "ledgerlink_risk_decisions",
        "ledgerlink_risk_decision_seconds",
        "ledgerlink_risk_degraded_answers",
        "ledgerlink_risk_cases_waiting",
        "ledgerlink_risk_denials_read_timestamp_seconds",
        "ledgerlink_answers_by_deadline",
    },
    "identity": {"ledgerlink_refresh_tokens_presented"},
    "gateway": {"ledgerlink_http_requests", "ledgerlink_http_request_seconds", "ledgerlink_rate_limit_decisions"},
}
COUNTED_FROM_THE_START = {
    "ledgerlink_consumed_messages_total": {"result": "dead"},
    "ledgerlink_relay_rewinds_total": {},
    "ledgerlink_job_failures_total": {},
    "ledgerlink_commands_turned_away_total": {},
    "ledgerlink_risk_degraded_answers_total": {},
    "ledgerlink_risk_degraded_answers_changed_total": {},
    "ledgerlink_risk_moved_unapproved_total": {},
    "ledgerlink_risk_rule_set_not_usable_total": {},
    "ledgerlink_reconciliation_breaks_total": {},
}
"""What alerts look at the increase of: the first one would be none without a 0 before it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def metrics(stack: Stack, gateway: LedgerLink, operator: LedgerLink) -> AsyncIterator[dict[str, str]]:
    """Return what each process tells after a payment, once it has looked at its consumers' lag."""
    ada, grace = await new_customer(gateway, operator, 10_000), await new_customer(gateway, operator)
    await ada.pay(grace.wallet, 100)
    async with httpx.AsyncClient() as http:

        async def told(process: str) -> str | None:
            text = (await http.get(f"http://{HOST}:{stack.parts.ports[process]}/metrics", follow_redirects=True)).text
            return text if process == "gateway" or "ledgerlink_database_pool_connections{" in text else None

        async def of(process: str) -> str:
            return await eventually(f"{process} tells its lag", lambda: told(process))

        yield {process: await of(process) for process in (*SERVICES, "gateway")}


async def test_all_that_is_looked_at_is_there(metrics: dict[str, str]) -> None:
    for process, text in metrics.items():
        names = {family.name for family in text_string_to_metric_families(text)}
        expected = OF_ONE[process] | (set() if process == "gateway" else OF_EVERY_SERVICE)
        assert expected <= names, f"{process} lacks {expected - names}"


async def test_what_alerts_count_is_there_before_it_happens(metrics: dict[str, str]) -> None:
    samples = [s for text in metrics.values() for f in text_string_to_metric_families(text) for s in f.samples]
    for name, labels in COUNTED_FROM_THE_START.items():
        assert any(s.name == name and labels.items() <= s.labels.items() for s in samples), name


async def test_labels_are_names_and_few(metrics: dict[str, str]) -> None:
    for process, text in metrics.items():
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        assert len(samples) < MOST_SERIES, process
        ids = {(s.name, value) for s in samples for value in s.labels.values() if AN_ID.search(value)}
        assert not ids, process


async def test_lag_is_told_of_every_durable(metrics: dict[str, str]) -> None:
    told = {
        sample.labels["consumer"]: sample.value
        for text in metrics.values()
        for family in text_string_to_metric_families(text)
        if family.name == "ledgerlink_consumer_lag_messages"
        for sample in family.samples
    }
    assert told.keys() == {durable.name for durable in DURABLES}
    assert min(told.values()) >= 0


@pytest.mark.skipif(not PROMTOOL, reason="Prometheus's own checker is not installed")
async def test_names_follow_prometheuss_conventions(metrics: dict[str, str]) -> None:
    for process, text in metrics.items():
        checked = subprocess.run(  # noqa: ASYNC221, S603 - milliseconds, and what `which` found
            [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert checked.returncode == 0, f"{process}: {checked.stderr}"
