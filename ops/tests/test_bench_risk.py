"""The bench of risk, briefly: every request is decided, and the service tells which answers were late."""

import json

import pytest
from typer.testing import CliRunner

from ops.bench.risk.report import RiskReport
from ops.bench.risk.run import BURSTS
from ops.cli import app


def test_a_short_run_has_every_request_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISK_ANSWER_SECONDS", "0.05")
    told = CliRunner().invoke(app, ["bench", "risk", "--payers", "100", "--seconds", "1", "--json"])
    assert told.exit_code == 0, told.output
    report = RiskReport.model_validate(json.loads(told.stdout))
    full, steady, *bursts = report.phases
    assert (report.lost, report.rules) == (0, 50)
    assert (full.decisions > 0, steady.decisions > 0) == (True, True)
    assert tuple(burst.decisions for burst in bursts) == BURSTS
    assert all(0 <= phase.late <= phase.decisions for phase in report.phases)
    assert all(0 < phase.p50_ms <= phase.p99_ms <= phase.max_ms for phase in report.phases)
