"""The benches of logins, briefly: what they report, on a stack of their own."""

import json

from typer.testing import CliRunner

from ops.bench.logins.flood_report import FloodReport
from ops.bench.logins.report import LoginReport
from ops.cli import app


def test_a_short_run_reports_logins_and_what_hashing_alone_would_allow() -> None:
    told = CliRunner().invoke(app, ["bench", "logins", "--seconds", "2", "--users", "8", "--json"])
    assert told.exit_code == 0, told.output
    report = LoginReport.model_validate(json.loads(told.stdout))
    assert report.logins > 0
    assert report.errors == {}
    assert report.alone_per_second > 0
    assert {"identity", "gateway", "postgres"} <= report.cpu_ms_each.keys()


def test_a_short_flood_reports_what_it_does_to_all_else() -> None:
    told = CliRunner().invoke(app, ["bench", "flood", "--seconds", "2", "--json"])
    assert told.exit_code == 0, told.output
    report = FloodReport.model_validate(json.loads(told.stdout))
    assert {row.kind for row in report.rows} == {"read", "refresh", "payment"}
    assert all(times.answered > 0 for row in report.rows for times in (row.quiet, row.flooded))
    assert all(times.errors == {} for row in report.rows for times in (row.quiet, row.flooded))
    # How many are turned away rests on the machine; that they are, on apps/identity/tests/test_authenticating.py.
    assert report.came, "the flood came"
    assert {what[:3] for what in report.came} <= {"401", "503"}
