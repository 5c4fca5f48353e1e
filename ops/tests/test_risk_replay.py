"""`ledgerlink risk replay` on a real database: decisions come out as they were, and what was changed is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.handlers.active_documents import ActiveDocuments
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.assess import Assessor
from apps.risk.handlers.degraded_answers import DegradedAnswers
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.tests.desk import POLICY, Desk, changed, request
from apps.risk.tests.rule_set_office import Office
from apps.risk.tests.rule_sets import rule
from apps.risk.tests.screening_desk import ScreeningDesk, listing
from apps.risk.tests.test_models import Registry, approving, hash_of, registering
from apps.risk.tests.test_models import document as model_document
from contracts.ids import new_id
from ops.cli import app
from outbox.database import Database
from tests.fresh_databases import FreshDatabaseFactory

RULES = (
    rule("denied", "block", "listed_deny", code="deny_listed"),
    rule("unclear", "review", "payer_screening == 'unknown' && amount > 500 * unit"),
    rule("large", "block", "amount > 1000 * unit || payer_sum_24h > 3000 * unit"),
    rule("proof", "step_up", "method == 'card' && amount > 100 * unit"),
    rule("often", "note", "payer_count_24h > 2", weight=20),
)


class ActiveDesk(Desk):
    """A desk that decides by the active rule set and its model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.active = ActiveRules(BASELINE, ActiveDocuments().find)
        self.degraded = DegradedAnswers(self.active, KnownDenials())

    def assessor(self) -> Assessor:
        return Assessor(self.active, self.degraded, POLICY)


@dataclass
class House:
    """A risk database with decisions of every kind, and its owner's hand in it."""

    desk: ActiveDesk
    owner_url: str
    model: str
    rule_set: str

    async def change(self, statement: str, *arguments: Any) -> None:
        """Change what no role of the service may change."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            assert not (await connection.execute(statement, *arguments)).endswith(" 0")
        finally:
            await connection.close()


@pytest.fixture
async def house(fresh_database: FreshDatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    fresh = await fresh_database("risk")
    monkeypatch.setenv("RISK_DATABASE_URL", fresh.url)
    database = Database(fresh.url, 4)
    await database.open()
    text = model_document("amounts")
    assert await Registry(database).change(registering(text), approving(hash_of(text))) == ["completed"] * 2
    office = Office(database)
    await office.install()
    desk = ActiveDesk(database)
    payer, listed = new_id(), new_id()
    await desk.assess(*(request(payer, amount) for amount in (10_00, 20_00, 2_000_00)))  # by the baseline
    rules = json.dumps({"name": "all", "rules": RULES, "model": hash_of(text)})
    rule_set = await office.make_active(rules)
    screening = ScreeningDesk(database, fresh.url, fresh.owner_url)
    assert await screening.change_lists(listing(kind="payee", value=str(listed))) == ["completed"]
    in_time = [request(payer, amount) for amount in (5_00, 600_00, 2_000_00, 9_999_999_00)]
    in_time.append(changed(request(payer, 10_00), destination_wallet=new_id(), payee=listed))
    late = request(payer, 30_00)
    assert desk.degraded.instead(late.encode()) is not None
    said = await desk.assess(*in_time, late)
    assert await desk.degraded.record(desk.transactions) is False
    assert any("denied" in one for one in said)
    assert {one.split()[0] for one in said} >= {"approve", "decline", "review"}
    yield House(desk, fresh.owner_url, hash_of(text), rule_set)
    await database.close()


async def _replayed(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["risk", "replay", *words])


async def _report(*words: str) -> tuple[int, dict[str, Any]]:
    result = await _replayed(*words, "--json")
    assert result.exit_code in {0, 1}, result.output
    return result.exit_code, json.loads(result.stdout)


async def test_every_kind_of_decision_comes_out_as_it_was(house: House) -> None:
    pool = house.desk.database.pool
    assert await pool.fetchval("SELECT count(*) FROM decision WHERE model = $1 AND score > 0", house.model) > 0
    assert await pool.fetchval("SELECT count(*) FROM degraded_answer JOIN decision USING (assessment_id)") == 1
    assert await pool.fetchval("SELECT count(*) FROM decision WHERE approvable_amount IS NOT NULL") > 0
    code, report = await _report()
    assert (code, report["replayed"], report["differing"], report["differences"]) == (0, 9, 0, [])
    assert (await _replayed()).output.endswith("✓ All came out as they were.\n")


async def test_a_later_world_changes_nothing_of_it(house: House) -> None:
    """Lists, rules and what was seen of the payer have moved on; what was stored has not."""
    screening = ScreeningDesk(house.desk.database, "", house.owner_url)
    await screening.change_lists(listing(kind="country", value="DE"))
    await Office(house.desk.database).make_active(json.dumps({"name": "strict", "rules": [rule("no", "block")]}))
    await house.desk.assess(*(request(new_id(), 1) for _ in range(3)))
    code, report = await _report()
    assert (code, report["replayed"]) == (0, 12)


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE decision SET outcome = 'approve', approvable_amount = NULL WHERE assessment_id = $1", "outcome"),
        ("UPDATE decision SET score = 99 WHERE assessment_id = $1", "score"),
        ("UPDATE decision SET codes = '{}' WHERE assessment_id = $1", "codes"),
        ("UPDATE decision SET rules = '[]' WHERE assessment_id = $1", "rules"),
        ("UPDATE decision SET approvable_amount = 7 WHERE assessment_id = $1", "approvable_amount"),
        ("""UPDATE decision SET values = (values::jsonb || '["more"]')::json WHERE assessment_id = $1""", "values"),
        ("UPDATE decision SET values = jsonb_set(values::jsonb, '{0}', '\"many\"')::json WHERE assessment_id = $1",
         "values"),
        ("""UPDATE decision SET model_part = jsonb_set(model_part::jsonb, '{points}', '77')::json
            WHERE assessment_id = $1""", "model_points"),
        ("""UPDATE decision SET model_part = jsonb_set(model_part::jsonb, '{contributions,0,1}', '0.1')::json
            WHERE assessment_id = $1""", "contributions"),
    ],
)  # fmt: skip
async def test_a_record_that_was_changed_is_told(house: House, statement: str, part: str) -> None:
    changed_one = await house.desk.database.pool.fetchval(
        "SELECT assessment_id FROM decision WHERE outcome = 'decline' AND model IS NOT NULL AND score < 99 LIMIT 1"
    )
    await house.change(statement, changed_one)
    code, report = await _report()
    assert (code, report["differing"]) == (1, 1), report
    assert {found["assessment_id"] for found in report["differences"]} == {str(changed_one)}
    assert part in {found["part"] for found in report["differences"]}
    alone = await _replayed(str(changed_one))
    assert (alone.exit_code, f"✗ {changed_one} {part}" in alone.output) == (1, True), alone.output


@pytest.mark.parametrize("kind", ["rule_set", "model"])
async def test_a_document_that_was_changed_is_told_for_each_decision_by_it(house: House, kind: str) -> None:
    name = getattr(house, kind)
    await house.change(
        "UPDATE decision_document SET document = replace(document, '\"description\":\"\"', '\"description\":\"x\"') "
        "WHERE hash = $1 AND kind = $2", name, kind
    )  # fmt: skip
    code, report = await _report()
    assert (code, report["differing"]) == (1, 6)
    assert {(found["part"], found["stored"]) for found in report["differences"]} == {(kind, repr(name))}


async def test_what_cannot_be_replayed_is_said_in_a_sentence(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = await _replayed(str(new_id()))
    assert (unknown.exit_code, "there is no decision" in unknown.output) == (2, True)
    await house.change("DELETE FROM decision_document WHERE hash = $1", house.model)
    lost = await _replayed()
    assert (lost.exit_code, f"the model {house.model} is not kept" in lost.output) == (2, True), lost.output
    monkeypatch.setenv("RISK_DATABASE_URL", "postgresql://risk@127.0.0.1:1/risk")
    nowhere = await _replayed()
    assert (nowhere.exit_code, "Error: not replayed: " in nowhere.output) == (2, True)
    assert "Traceback" not in unknown.output + lost.output + nowhere.output
