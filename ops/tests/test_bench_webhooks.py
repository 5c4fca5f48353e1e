"""The bench of webhooks, briefly: all that was said arrives once, at the endpoints that answer."""

import json

from typer.testing import CliRunner

from ops.bench.webhooks.report import WebhooksReport, delay
from ops.cli import app


def test_a_short_run_measures_arrivals_while_half_of_the_endpoints_are_dead() -> None:
    options = ["--endpoints", "4", "--dead", "0.5", "--rate", "5", "--seconds", "2", "--json"]
    told = CliRunner().invoke(app, ["bench", "webhooks", *options], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    report = WebhooksReport.model_validate(json.loads(told.stdout))
    assert (report.payments, report.errors, report.missing, report.repeated) == (10, {}, 0, 0)
    assert (report.endpoints, report.dead_endpoints) == (4, 2)
    assert report.arrival.count == report.attempt.count > 0
    assert 0 < report.arrival.p50_ms <= report.arrival.p99_ms <= report.arrival.max_ms
    assert set(report.cpu_seconds) == {"gateway", "payments", "postgres", "nats", "client"}


def test_delays_are_nearest_ranks_in_milliseconds() -> None:
    assert delay([0.003, 0.001, 0.002]).model_dump() == {"count": 3, "p50_ms": 2.0, "p99_ms": 3.0, "max_ms": 3.0}
    assert delay([]).model_dump() == {"count": 0, "p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
