"""Rule sets on a real database: from draft to rollback, in shadow beside the active one, and what is refused."""

import json

import asyncpg
import orjson
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.handlers.active_documents import ActiveDocuments
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.assess import Assessor
from apps.risk.handlers.degraded_answers import DegradedAnswers
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.handlers.shadows import Decided
from apps.risk.queries.rule_sets import get_rule_set, list_rule_sets, list_shadow_flips
from apps.risk.tests.desk import POLICY, Desk, request
from apps.risk.tests.rule_set_office import ADA, BOB, Office, document, envelope, idempotency
from apps.risk.workers.shadows import Shadows
from contracts.ids import new_id
from contracts.risk import (
    RULE_SET_BYTES,
    ActivateRuleSet,
    ApproveRuleSet,
    DraftRuleSet,
    GetRuleSet,
    ListRuleSets,
    ListShadowFlips,
    RetireRuleSet,
    RollBackRules,
)
from outbox.database import Database, Reads

NOT_USABLE = "ledgerlink_risk_rule_set_not_usable_total"


class ChangingDesk(Desk):
    """A desk that decides by what is active, and remembers what shadows have to judge."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.decided = Decided()
        self.rules_in_force = ActiveRules(BASELINE, ActiveDocuments().find)

    def assessor(self) -> Assessor:
        return Assessor(
            self.rules_in_force, DegradedAnswers(self.rules_in_force, KnownDenials()), POLICY, decided=self.decided
        )


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.install()
    return office


async def test_the_baseline_is_installed_once_and_can_be_seen(office: Office) -> None:
    await office.install()
    page = await list_rule_sets(office.database, envelope(ListRuleSets()))
    assert [(r.hash, r.status, r.author) for r in page.rule_sets] == [(BASELINE.hash, "active", None)]
    assert page.active == BASELINE.hash
    whole = await get_rule_set(office.database, envelope(GetRuleSet(hash=BASELINE.hash)))
    assert whole.document == json.loads(BASELINE.canonical())


async def test_from_draft_to_rollback_the_next_batch_goes_by_what_is_active(office: Office) -> None:
    desk = ChangingDesk(office.database)
    assert await desk.assess(request(new_id(), 50_00)) == ["approve"]
    strict = await office.make_active(document())
    assert await desk.assess(request(new_id(), 50_00)) == ["decline large"]
    back = await office.ask(RollBackRules(by=BOB, idempotency=idempotency()))
    assert back.resource["hash"] == BASELINE.hash
    assert await desk.assess(request(new_id(), 50_00)) == ["approve"]
    assert await office.do(RollBackRules(by=BOB, idempotency=idempotency())) == "nothing_to_roll_back_to"
    whole = await get_rule_set(office.database, envelope(GetRuleSet(hash=strict)))
    assert [c.status for c in whole.changes or []] == ["draft", "shadow", "approved", "active", "retired"]
    said = [subject for subject in await office.said() if not subject.startswith("risk.")]
    assert said == ["drafted", "shadowed", "approved", "retired", "activated", "retired", "activated"]


async def test_what_is_no_rule_set_is_refused_with_rule_and_place(office: Office) -> None:
    async def refused(text: str) -> str:
        reply = await office.ask(DraftRuleSet(document=text, author=ADA, idempotency=idempotency()))
        assert reply.problem is not None
        assert reply.problem.code == "rule_set_invalid"
        return reply.problem.detail

    assert (await refused("{}")).startswith("name: ")
    assert (await refused(document(when="amount >\n  mood"))).startswith("large 2:3: ")
    assert "there is no model" in await refused(document(model="0" * 64))
    test = {"name": "small_one", "values": {"amount": 100}, "outcome": "decline", "fires": ["large"]}
    assert (await refused(document(tests=[test]))).startswith("small_one outcome: decline was expected")
    assert await office.said() == []


async def test_what_is_too_large_once_nothing_is_left_out_is_refused_with_limit_and_size(office: Office) -> None:
    rule = {"when": f"amount > 1{' ' * 1_190}", "action": "block", "code": "large", "reason": "R"}
    rules = [{"name": f"r{number}"} | rule for number in range(200)]
    text = orjson.dumps({"name": "large", "rules": rules}).decode()
    assert len(text) <= RULE_SET_BYTES
    reply = await office.ask(DraftRuleSet(document=text, author=ADA, idempotency=idempotency()))
    assert reply.problem is not None
    assert (reply.problem.code, reply.problem.parameter) == ("rule_set_invalid", "document")
    size = len(RuleSetDocument.model_validate_json(text).canonical())
    assert reply.problem.detail == f"document: {size:,} bytes in its canonical form; the most is 262,144"


async def test_active_rules_that_do_not_compile_here_are_tried_once_and_counted_each_time(office: Office) -> None:
    async def find(_reads: Reads) -> tuple[str, bytes]:
        return "0" * 64, document(when="amount > mood").encode()

    rules, counted = ActiveRules(BASELINE, find), REGISTRY.get_sample_value(NOT_USABLE)
    with capture_logs() as lines:
        for _ in range(3):
            async with office.transactions.begin() as tx:
                assert (await rules.load(tx)).rules.hash == BASELINE.hash
    assert [line["event"] for line in lines] == ["the active rule set cannot be used, the one before goes on"]
    assert REGISTRY.get_sample_value(NOT_USABLE) == (counted or 0) + 3


async def test_nobody_activates_alone(office: Office) -> None:
    name = await office.draft(document())
    assert name == await office.draft(json.dumps(json.loads(document()), indent=2))
    activate = ActivateRuleSet(rule_set=name, by=BOB, idempotency=idempotency())
    assert await office.do(activate) == "rule_set_not_approved"
    assert await office.propose(name) == "completed"
    own = ApproveRuleSet(rule_set=name, by=ADA, idempotency=idempotency())
    assert await office.do(own) == "rule_set_approver_proposed_it"
    forged = "INSERT INTO rule_set_event VALUES ($1, 3, 'approved', $2, $3, now())"
    with pytest.raises(asyncpg.CheckViolationError):
        await office.database.pool.execute(forged, name, ADA, ADA)
    with pytest.raises(asyncpg.ForeignKeyViolationError):  # not by naming another author either
        await office.database.pool.execute(forged, name, BOB, ADA)
    unknown = ApproveRuleSet(rule_set="0" * 64, by=BOB, idempotency=idempotency())
    assert await office.do(unknown) == "rule_set_not_found"


async def test_shadows_judge_the_same_values_and_change_nothing(office: Office) -> None:
    desk = ChangingDesk(office.database)
    shadows = Shadows(office.database, office.transactions, desk.decided)
    names = [await office.draft(document(f"s{n}")) for n in range(4)]
    assert [await office.propose(name) for name in names] == ["completed"] * 3 + ["too_many_shadows"]
    retire = RetireRuleSet(rule_set=names[2], by=ADA, idempotency=idempotency())
    assert await office.do(retire) == "completed"
    assert await shadows.judge() is False
    commands = [request(new_id(), 50_00), request(new_id(), 1_00)]
    assert await desk.assess(*commands) == ["approve"] * 2
    await shadows.judge()
    await shadows.judge()
    for name in names[:2]:
        whole = await get_rule_set(office.database, envelope(GetRuleSet(hash=name)))
        assert [(c.before, c.after, c.payments) for c in whole.shadow or []] == [
            ("approve", "approve", 1), ("approve", "decline", 1),
        ]  # fmt: skip
        page = await list_shadow_flips(office.database, envelope(ListShadowFlips(rule_set=name)))
        assert [(f.assessment_id, f.codes) for f in page.flips] == [(commands[0].data.assessment_id, ("large",))]
    assert len(await desk.said()) == len([s for s in await office.said() if not s.startswith("risk.")]) + 2


def test_what_waits_for_shadows_is_bounded_and_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.risk.handlers.shadows.MOST_WAITING", 3)
    monkeypatch.setattr("apps.risk.handlers.shadows.MOST_LOOKS", 2)
    decided, ids = Decided(), [new_id() for _ in range(5)]
    assert not decided.add(ids)
    decided.wanted = True
    assert decided.add(ids)
    taken = decided.take(10)
    assert list(taken) == ids[:3]
    decided.put_back({ids[0]: taken[ids[0]]})
    again = decided.take(10)
    assert again == {ids[0]: 1}
    decided.put_back(again)
    assert decided.take(10) == {}
