"""A bench in which what was asked for failed says so by its exit code, and not by a table alone."""

from collections import Counter
from collections.abc import Callable

import pytest
import typer
from rich.console import Console

from ops.bench.edge.kinds import Kind
from ops.bench.edge.load import Measured
from ops.bench.edge.report import EdgeReport, summarise
from ops.bench.logins.flood_report import FloodReport, flood_report
from ops.bench.logins.report import LoginReport
from ops.bench.logins.report import summarise as summarise_logins
from ops.commands.bench import _told

GOOD = Measured(1.0, [0.01], Counter())
FAILED = Measured(1.0, [], Counter({"503 unavailable": 9}))
IN_PART = Measured(1.0, [0.01], Counter({"503 unavailable": 1}))
NOTHING = Measured(1.0, [], Counter())
Report = EdgeReport | LoginReport | FloodReport


def _edge(measured: Measured) -> Report:
    runs = [summarise(kind, m, {"gateway": 0.01}) for kind, m in zip(Kind, (GOOD, measured), strict=False)]
    return EdgeReport(at_a_time=1, load_average=0, runs=runs)


def _logins(measured: Measured) -> Report:
    return summarise_logins(measured, 50.0, {}, 2, 6, 0.0)


def _flood(measured: Measured) -> Report:
    return flood_report(50.0, FAILED, {"read": GOOD}, {"read": measured})


REPORTS = pytest.mark.parametrize("report_of", [_edge, _logins, _flood])


@REPORTS
@pytest.mark.parametrize("measured", [FAILED, IN_PART, NOTHING], ids=["failed", "in part", "nothing"])
def test_what_failed_is_not_as_expected(report_of: Callable[[Measured], Report], measured: Measured) -> None:
    assert not report_of(measured).as_expected


@REPORTS
def test_what_was_answered_is(report_of: Callable[[Measured], Report]) -> None:
    assert report_of(GOOD).as_expected


@pytest.mark.parametrize("measured", [GOOD, FAILED], ids=["good", "failed"])
def test_the_exit_code_says_so(measured: Measured) -> None:
    shown: list[Report] = []

    async def work() -> Report:
        return _logins(measured)

    def show(_console: Console, report: Report) -> None:
        shown.append(report)

    if measured is GOOD:
        _told(work(), show, as_json=False)
    else:
        with pytest.raises(typer.Exit) as ended:
            _told(work(), show, as_json=False)
        assert ended.value.exit_code == 1
    assert len(shown) == 1
