"""The bench of payments, briefly: every kind succeeds, and the books say so, too; and what it says when they do not."""

import json
from collections import Counter
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from ops.bench.books import Answered, findings
from ops.bench.kinds import Kind
from ops.bench.load import Done, Outcomes
from ops.bench.report import BenchReport, show, summarise
from ops.cli import app
from ops.stack.stack import Stack

STARTED = """
INSERT INTO payment_intent (id, customer, source_wallet, destination_wallet, amount, currency, state, attempt,
                            created_at, updated_at)
VALUES (uuidv7(), uuidv7(), uuidv7(), uuidv7(), 100, 'EUR', 'requires_confirmation', 0, now(), now())
"""


def test_a_short_run_measures_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_PROCESSOR_LATENCY_MS", "2")
    options = ["--seconds", "2", "--rate", "5", "--payers", "3", "--json"]
    told = CliRunner().invoke(app, ["bench", "payments", *options], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    report = BenchReport.model_validate(json.loads(told.stdout))
    assert (report.books_balance, report.findings, report.processor_latency_ms) == (True, [], 2)
    assert [run.kind for run in report.runs] == list(Kind)
    for run in report.runs:
        assert (run.settled, run.errors) == (10, {}), run.kind
        assert 0 < run.p50_ms <= run.p99_ms <= run.max_ms
        assert {"gateway", "payments", "sandbox_processor", "load generator"} <= set(run.cpu_seconds)


async def test_what_is_lost_or_not_final_is_found(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.bench.books.REST_SECONDS", 0.5)
    async with Stack(data_dir, only=("postgres", "migrate")) as stack:
        assert await findings(stack, Answered(0, 0)) == []
        connection = await asyncpg.connect(stack.parts.postgres.service_url("payments"), timeout=5)
        await connection.execute(STARTED)
        await connection.close()
        assert await findings(stack, Answered(2, 1)) == [
            "1 payments and refunds are not final after 0.5 s",
            "2 payments were answered as succeeded, 0 are",
            "1 refunds were answered as succeeded, 0 are",
        ]


def test_nothing_is_cut_off() -> None:
    outcomes = Outcomes(2.0, [Done("1", "")], [0.0105], Counter({"402 card_declined": 3}))
    runs = [summarise(kind, outcomes, {"sandbox_processor": 0.5, "load generator": 0.1}) for kind in Kind]
    report = BenchReport(
        rate=None, concurrency=64, processor_latency_ms=10, runs=runs, books_balance=False, findings=["[x]: wrong"]
    )
    console = Console(width=80)
    with console.capture() as capture:
        show(console, report)
    shown = capture.get()
    assert "…" not in shown
    for part in ("wallet-refund", "sandbox_processor", "10.5", "600.00", "10 ms to answer", "[x]: wrong"):
        assert part in shown
