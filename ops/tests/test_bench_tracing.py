"""The bench of tracing, briefly: both systems are paid through, and the spans of the traced one arrive."""

import json

from typer.testing import CliRunner

from ops.bench.load import Done, Outcomes
from ops.bench.tracing.report import TracingReport, middle, ratios, side
from ops.cli import app


def test_a_short_run_compares_two_systems() -> None:
    options = [
        "--sample-ratio",
        "1",
        "--seconds",
        "1",
        "--rounds",
        "2",
        "--concurrency",
        "2",
        "--payers",
        "2",
        "--json",
    ]
    told = CliRunner().invoke(app, ["bench", "tracing", *options], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    report = TracingReport.model_validate(json.loads(told.stdout))
    assert min(report.without.settled, report.with_tracing.settled) > 0
    assert report.without.errors == report.with_tracing.errors == {}
    assert (len(report.throughput_ratios), report.throughput_ratio > 0, report.cpu_ratio > 0) == (2, True, True)
    # Each traced payment has at least the spans of its hops.
    assert report.spans > 10 * report.with_tracing.settled


def _round(settled: int) -> Outcomes:
    return Outcomes(2.0, [Done(str(n), "") for n in range(settled)], [0.1] * settled)


def test_ratios_are_of_pairs_of_rounds() -> None:
    each = ratios([_round(100), _round(200), _round(0)], [_round(95), _round(180), _round(1)])
    assert (each, middle(each), middle([])) == ([0.95, 0.9], 0.925, 0.0)


def test_a_side_is_all_its_rounds() -> None:
    told = side([_round(100), _round(200)], {"gateway": 0.3, "wallet": 0.3})
    assert (told.settled, told.per_second, told.cpu_ms_each) == (300, 75.0, 2.0)
