"""The bench of rate limits, briefly: several processes, and not one too many."""

import json
from collections import Counter

from typer.testing import CliRunner

from ops.bench.limiter.report import LimiterReport, latency
from ops.cli import app


def test_a_short_run_is_exact() -> None:
    options = ["--checks", "30000", "--processes", "3", "--concurrency", "8", "--json"]
    told = CliRunner().invoke(app, ["bench", "limiter", *options], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    report = LimiterReport.model_validate(json.loads(told.stdout))
    assert report.admitted == {"user": 9000, "client": 9000}
    for cost in (report.alone, report.loaded):
        assert 0 < cost.latency.p50_ms <= cost.latency.p99_ms <= cost.latency.max_ms
        assert min(cost.per_second, cost.gateway_cpu_us, cost.valkey_cpu_us) > 0


def test_latencies_are_nearest_ranks() -> None:
    told = latency(Counter({100: 98, 2000: 1, 50_000: 1}))
    assert told.model_dump() == {"p50_ms": 0.1, "p99_ms": 50.0, "max_ms": 50.0}
    assert latency(Counter()).model_dump() == {"p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
