"""`ledgerlink risk cases|quality|labels`: on risk's own database, and files that are read before anything is sent."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from contracts.ids import new_id
from ops.cli import app
from ops.risk_labels import read_labels
from ops.stack.errors import StackError
from tests.fresh_databases import FreshDatabaseFactory

RUNNER = CliRunner()
_REVIEWED = """
WITH d AS (
    INSERT INTO decision (assessment_id, payment_intent_id, payer, outcome, rules, decided_at)
    VALUES ($1, $2, $2, 'review', '[]', now()) RETURNING assessment_id
)
INSERT INTO risk_case (id, kind, title, payment_intent_id, amount, currency, four_eyes, opened_at, due_at)
SELECT assessment_id, 'payment', 'Why [it] waits', $2, 100, 'EUR', false, now(), now() - interval '1 hour' FROM d
"""


@pytest.fixture
async def url(fresh_database: FreshDatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    database = await fresh_database("risk")
    monkeypatch.setenv("RISK_DATABASE_URL", database.url)
    return database.url


def _ran(*words: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["risk", *words])
    return result.exit_code, result.output


async def test_cases_that_wait_are_shown_with_what_happened(url: str) -> None:
    case, payment = new_id(), new_id()
    connection = await asyncpg.connect(url)
    await connection.execute(_REVIEWED, case, payment)
    await connection.close()
    code, listed = await asyncio.to_thread(_ran, "cases", "list", "--overdue")
    assert (code, str(case)[:8] in listed, "overdue" in listed) == (0, True, True), listed
    code, listed = await asyncio.to_thread(_ran, "cases", "list", "--json")
    assert [(shown["id"], shown["title"]) for shown in json.loads(listed)] == [(str(case), "Why [it] waits")]
    assert json.loads((await asyncio.to_thread(_ran, "cases", "list", "--kind", "screening", "--json"))[1]) == []
    code, shown = await asyncio.to_thread(_ran, "cases", "show", str(case))
    assert code == 0, shown
    code, shown = await asyncio.to_thread(_ran, "cases", "show", str(new_id()))
    assert (code, "there is no case" in shown) == (1, True)
    code, measured = await asyncio.to_thread(_ran, "quality", "--json")
    assert (code, json.loads(measured)["rules"]) == (0, [])
    code, told = await asyncio.to_thread(_ran, "quality", "--since", "2026-02-01", "--until", "2026-01-01")
    assert (code, "--since must be before" in told) == (1, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("payment,label\n", "no payment_intent_id"),
        ("payment_intent_id,label\nnone,fraud\n", "line 2"),
        ("payment_intent_id,label\n019a8f2e-7c00-7000-8000-000000000021,bad\n", "line 2"),
        ("payment_intent_id,label\n019a8f2e-7c00-7000-8000-000000000021\n", "line 2"),
        ("payment_intent_id,label,labelled_at\n019a8f2e-7c00-7000-8000-000000000021,good,soon\n", "line 2"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_sent(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(StackError, match=why):
        read_labels(file)
    code, told = _ran("labels", "import", str(file))
    assert (code, why in told) == (1, True), told


def test_a_file_of_bytes_is_no_csv(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StackError, match="UTF-8"):
        read_labels(file)


def test_times_are_sent_in_utc(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    payment = str(new_id())
    file.write_text(
        f"label,payment_intent_id,labelled_at\nfraud,{payment},2026-01-05T10:00:00+01:00\ngood,{payment},\n"
    )
    assert read_labels(file) == [
        {"payment_intent_id": payment, "label": "fraud", "labelled_at": "2026-01-05T09:00:00+00:00"},
        {"payment_intent_id": payment, "label": "good"},
    ]
