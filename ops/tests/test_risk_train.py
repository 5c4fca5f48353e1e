"""`ledgerlink risk train`: from a file, and from the service's own history to a model that scores live payments."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from apps.risk.domain.features.catalogue import CATALOGUE_HASH
from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.scoring.documents import ModelDocument
from apps.risk.handlers.active_documents import ActiveDocuments
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.assess import Assessor
from apps.risk.handlers.degraded_answers import DegradedAnswers
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.store import decision_records
from apps.risk.tests.case_desk import CaseDesk
from apps.risk.tests.desk import POLICY, Desk, changed, request
from apps.risk.tests.rule_set_office import BOB, Office, idempotency
from apps.risk.tests.rule_sets import rule
from apps.risk.tests.test_labels import saying
from apps.risk.tests.test_models import Registry, approving, registering
from contracts.ids import first_id_of, new_id
from contracts.message import Envelope
from contracts.risk import ActivateRuleSet, ApproveRuleSet, Assess, DecisionRecord
from ops.cli import app
from ops.tests.handbook_files import town, write_csv
from outbox.database import Database
from tests.fresh_databases import FreshDatabaseFactory

RUNNER = CliRunner()
FRAUDS, GOOD = 30, 120
THE_DAY = datetime.combine(datetime.now(UTC).date() - timedelta(days=20), time(12), UTC)
_STEPS = (ApproveRuleSet, ActivateRuleSet)
DAYS = ("--train-from", f"{THE_DAY:%Y-%m-%d}", "--train-days", "1")


def _train(out: Path, *words: str) -> Result:
    return RUNNER.invoke(app, ["risk", "train", "--out", str(out), *words])


@pytest.fixture
async def desk(fresh_database: FreshDatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    fresh = await fresh_database("risk")
    monkeypatch.setenv("RISK_DATABASE_URL", fresh.url)
    database = Database(fresh.url, 4)
    await database.open()
    yield Desk(database)
    await database.close()


class ActiveDesk(Desk):
    """A desk that decides by the active rule set and its model."""

    def assessor(self) -> Assessor:
        active = ActiveRules(BASELINE, ActiveDocuments().find)
        return Assessor(active, DegradedAnswers(active, KnownDenials()), POLICY)


def _asked(number: int, *, cents: int) -> Envelope[Assess]:
    """Return a request of the day of training: ids carry the time, as payments' ids do."""
    at = THE_DAY + timedelta(seconds=number)
    identifier = UUID(int=first_id_of(at).int + number)
    return changed(request(new_id(), cents, at=at), assessment_id=identifier)


async def _live_a_day(desk: Desk) -> None:
    """Decide about payments of that day; some weeks later, analysts call the large ones frauds."""
    frauds = [_asked(number, cents=300_00 + number) for number in range(FRAUDS)]
    good = [_asked(number, cents=10_00 + number) for number in range(FRAUDS, FRAUDS + GOOD)]
    declined = _asked(FRAUDS + GOOD, cents=50_000_00)  # nobody ever learns what it would have been
    said = await desk.assess(*frauds, *good, declined)
    assert {one.split()[0] for one in said[:-1]} == {"approve"}
    assert said[-1].startswith("decline")
    assert set(await CaseDesk(desk, POLICY).label(*(saying(asked, "fraud") for asked in frauds))) == {"fraud"}


async def _record(desk: Desk, asked: Envelope[Assess]) -> DecisionRecord:
    async with desk.database.reads() as reads:
        found = await decision_records.load_one(reads, asked.data.assessment_id)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["trees", "logistic"])
async def test_from_own_history_to_a_model_that_scores_live_payments(desk: Desk, tmp_path: Path, kind: str) -> None:
    await _live_a_day(desk)
    out = tmp_path / "model.json"
    trained = await asyncio.to_thread(_train, out, *DAYS, "--kind", kind, "--name", "own")
    assert (trained.exit_code, f"{FRAUDS + GOOD} payments, {FRAUDS} of them frauds" in trained.stdout) == (0, True), (
        trained.output
    )
    text = out.read_text()
    document = ModelDocument.model_validate_json(text)
    assert f"Model {document.hash} is in {out}" in trained.stdout
    assert document.training["catalogue"] == CATALOGUE_HASH

    registry, author, second = Registry(desk.database), new_id(), new_id()
    rules = json.dumps({"name": "scored", "rules": [rule("always", weight=1)], "model": document.hash})
    assert await registry.change(registering(text, author), approving(document.hash, author)) == [
        "completed", "model_approver_registered_it",
    ]  # fmt: skip
    assert await registry.change(approving(document.hash, second)) == ["completed"]
    office = Office(desk.database)
    await office.install()
    await office.make_active(rules)
    small, large = request(new_id(), 10_00), request(new_id(), 300_00)
    await ActiveDesk(desk.database).assess(small, large)
    good, bad = [await _record(desk, asked) for asked in (small, large)]
    assert (good.model, bad.model) == (document.hash, document.hash)
    assert (good.model_points or 0) < (bad.model_points or 0)
    assert bad.contributions[0].feature.rpartition("_")[0] in {"", "payer_amount", "payer_mean_amount"}
    assert bad.contributions[0].points > 0
    replayed = await asyncio.to_thread(RUNNER.invoke, app, ["risk", "replay"])
    assert replayed.exit_code == 0, replayed.output


async def test_a_rule_set_whose_model_nobody_has_approved_is_not_made_active(desk: Desk, tmp_path: Path) -> None:
    await _live_a_day(desk)
    out = tmp_path / "model.json"
    assert (await asyncio.to_thread(_train, out, *DAYS)).exit_code == 0
    assert await Registry(desk.database).change(registering(out.read_text())) == ["completed"]
    office = Office(desk.database)
    await office.install()
    model = ModelDocument.model_validate_json(out.read_bytes()).hash
    rule_set = await office.draft(json.dumps({"name": "scored", "rules": [rule("always")], "model": model}))
    said = [
        await office.propose(rule_set),
        *[await office.do(step(rule_set=rule_set, by=BOB, idempotency=idempotency())) for step in _STEPS],
    ]
    assert "rule_set_model_not_approved" in said


async def test_days_that_teach_nothing_are_refused_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "model.json"
    nothing = await asyncio.to_thread(_train, out, *DAYS)
    assert (nothing.exit_code, "too few to learn from" in nothing.stderr) == (1, True), nothing.output
    today = await asyncio.to_thread(_train, out, "--train-from", f"{datetime.now(UTC):%Y-%m-%d}")
    assert (today.exit_code, "are not over yet" in today.stderr) == (1, True)
    assert not out.exists()
    assert desk.database.pool is not None


def test_from_a_file(tmp_path: Path) -> None:
    file, out = write_csv(tmp_path / "town.csv.gz", town(days=28), packed=True), tmp_path / "model.json"
    words = ("--transactions", str(file), "--train-from", "2018-06-15", "--format", "fraud-handbook")
    trained = _train(out, *words)
    assert trained.exit_code == 0, trained.output
    document = ModelDocument.model_validate_json(out.read_bytes())
    assert (document.name, document.training["first_day"], document.training["last_day"]) == (
        "payments", "2018-06-15", "2018-06-21",
    )  # fmt: skip
    assert _train(out, *words).exit_code == 0
    assert ModelDocument.model_validate_json(out.read_bytes()) == document  # the same payments, the same model


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--train-from", "2018-06-01", "--transactions", "FILE"), 1, "lacks TERMINAL_ID"),
        (("--train-from", "2018-06-01", "--transactions", "."), 1, "cannot be read"),
        (("--train-from", "2018-06-01", "--name", "My model"), 2, "a small letter, then"),
        (("--train-from", "June"), 2, "does not match"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    file, out = tmp_path / "bad.csv", tmp_path / "model.json"
    file.write_text("TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,TX_FRAUD\n")
    result = _train(out, *(str(file) if word == "FILE" else word for word in words))
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (code, True), result.output
    assert not out.exists()


def test_without_a_database_it_is_said_what_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RISK_DATABASE_URL", raising=False)
    result = _train(tmp_path / "model.json", *DAYS, "--data-dir", str(tmp_path))
    assert (result.exit_code, "there is no stack on" in result.stderr) == (1, True), result.output
