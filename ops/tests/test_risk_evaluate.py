"""`ledgerlink risk evaluate`: the handbook's protocol on a file, and one sentence about a file that it cannot judge."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.risk_model.histories import read_inputs
from ops.risk_model.inputs import INPUTS, LOOK_BACK_SECONDS
from ops.risk_model.payments_file import read_payments
from ops.tests.handbook_files import HEADER, Row, town, write_csv

RUNNER = CliRunner()
PERIODS = ("--train-from", "2018-06-15", "--train-days", "7", "--delay-days", "2", "--test-days", "3")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return town(days=28)


@pytest.fixture(scope="module")
def file(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("town") / "town.csv.gz", rows, packed=True)


def _evaluate(file: Path, *words: str) -> Result:
    return RUNNER.invoke(app, ["risk", "evaluate", "--transactions", str(file), *words])


def _refusal(file: Path, *words: str) -> str:
    """Return what is said about a file that cannot be judged: one line, and no traceback."""
    result = _evaluate(file, *words)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    [said] = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in result.output
    return said


@pytest.mark.parametrize("kind", ["trees", "logistic"])
def test_a_model_is_trained_and_judged_on_later_days(file: Path, kind: str) -> None:
    result = _evaluate(file, *PERIODS, "--format", "fraud-handbook", "--kind", kind, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [report[part][day] for part in ("train", "test") for day in ("first", "last")] == [
        "2018-06-15", "2018-06-21", "2018-06-24", "2018-06-26",
    ]  # fmt: skip
    assert report["metrics"].keys() == report["books_best"].keys()
    assert 0.6 < report["metrics"]["auc_roc"] < 1  # better than chance, and no label among the features
    assert report["removed_payments"] > 0


def test_people_read_a_table(file: Path) -> None:
    result = _evaluate(file, *PERIODS)
    assert result.exit_code == 0, result.output
    for said in ("AUC ROC", "Average precision", "Card precision@100", "The file begins"):
        assert said in result.output


def test_the_same_file_makes_the_same_model(file: Path) -> None:
    one, other = (json.loads(_evaluate(file, *PERIODS, "--json").stdout) for _ in range(2))
    assert one | {"seconds": 0} == other | {"seconds": 0}


def test_what_features_see_is_no_label_of_the_days_before(file: Path, rows: list[Row], tmp_path: Path) -> None:
    """The delay holds: labels of the last seven days change nothing of what the model sees."""
    known_until = max(row.at for row in rows) - timedelta(days=7)
    hidden = [replace(row, is_fraud=row.is_fraud and row.at <= known_until) for row in rows]
    assert hidden != rows
    seen, without = (read_payments(path) for path in (file, write_csv(tmp_path / "hidden.csv", hidden)))
    wanted = np.flatnonzero(seen.times >= seen.times[-1] // 86_400 * 86_400)
    assert len(wanted) > 50
    shown, told = (read_inputs(payments, wanted, INPUTS, lambda _done: None) for payments in (seen, without))
    assert np.array_equal(shown, told)
    labels = [place for place, one in enumerate(INPUTS) if one.feature == "payee_frauds_30d"]
    assert shown[:, labels].sum() > 0


def test_nothing_older_than_features_look_back_is_needed(tmp_path: Path) -> None:
    payments = read_payments(write_csv(tmp_path / "long.csv", town(days=60, customers=40)))
    wanted = np.arange(len(payments) - 200, len(payments))
    first = int(np.searchsorted(payments.times, payments.times[wanted[0]] - LOOK_BACK_SECONDS))
    assert first > 200
    whole = read_inputs(payments, wanted, INPUTS, lambda _done: None)
    part = read_inputs(payments.between(first, len(payments)), wanted - first, INPUTS, lambda _done: None)
    assert np.array_equal(whole, part)


GOOD = "1,2018-06-01 00:00:01,5,6,12.50,0,0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (f"{','.join(HEADER)}\n", "has no payments in it"),
        ("TX_DATETIME,CUSTOMER_ID,TX_AMOUNT\n", "lacks TERMINAL_ID, TX_FRAUD"),
        ('{"payments": []}', "lacks TX_DATETIME"),
        (f"{','.join(HEADER)}\n{GOOD}\n", "The days of training, 2018-07-25 to 2018-07-31, have no payments"),
    ],
)
def test_a_file_that_is_none_is_told_about_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert said in _refusal(path)


def test_days_without_frauds_or_payments_are_told_about(rows: list[Row], tmp_path: Path) -> None:
    honest = write_csv(tmp_path / "honest.csv", [replace(row, is_fraud=False) for row in rows])
    assert "with 0 frauds" in _refusal(honest, *PERIODS)
    short = write_csv(tmp_path / "short.csv", [row for row in rows if row.at.day < 23])
    said = _refusal(short, *PERIODS)
    assert "The days of test, 2018-06-24 to 2018-06-26, have no payments" in said
    assert "The file is from 2018-06-01 to 2018-06-22; choose other days, such as with --train-from" in said


def test_a_format_or_a_file_that_there_is_not_is_refused(file: Path, tmp_path: Path) -> None:
    assert _evaluate(file, "--format", "excel").exit_code == 2
    assert _evaluate(tmp_path / "missing.csv").exit_code == 2
    assert _evaluate(tmp_path).exit_code == 2
