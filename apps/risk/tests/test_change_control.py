"""Whatever people do in whatever order: nobody alone makes rules decide, and exactly one rule set is active."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain import change_control as control
from apps.risk.domain.change_control import Activation, Life, RuleSetRefusal
from contracts.ids import new_id
from contracts.risk import MOST_SHADOWS, RuleSetStatus

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PEOPLE = tuple(new_id() for _ in range(3))
NAMES = ("a", "b", "c", "d", "e")
Steps = list[tuple[str, str, UUID]]
STEPS: st.SearchStrategy[Steps] = st.lists(
    st.tuples(
        st.sampled_from(("shadow", "approve", "activate", "retire", "roll_back")),
        st.sampled_from(NAMES),
        st.sampled_from(PEOPLE),
    ),
    max_size=60,
)


class Office:
    """Rule sets in memory, changed as the handler changes them."""

    def __init__(self) -> None:
        baseline = Life.begun(("baseline", "baseline"), None, NOW).then(RuleSetStatus.ACTIVE, None, NOW)
        drafts = {name: Life.begun((name, name), PEOPLE[n % 3], NOW) for n, name in enumerate(NAMES)}
        self.lives = {"baseline": baseline, **drafts}
        self.log = [Activation("baseline", None, position=0)]

    def do(self, step: str, name: str, by: UUID) -> RuleSetRefusal | None:
        life = self.lives[name]
        match step:
            case "shadow":
                in_shadow = sum(one.status is RuleSetStatus.SHADOW for one in self.lives.values())
                return self._changed(control.put_in_shadow(life, by, in_shadow, NOW))
            case "approve":
                return self._changed(control.approve(life, by, NOW))
            case "retire":
                return self._changed(control.retire(life, by, NOW))
            case "activate":
                if refusal := control.check_activation(life, model_approved=True):
                    return refusal
                self._put_in_force(Activation(name, self.log[-1].position), by)
            case "roll_back":
                previous = self.log[-1].previous
                back = control.back_to(self.log[-1], None if previous is None else self.log[previous])
                if isinstance(back, RuleSetRefusal):
                    return back
                self._put_in_force(back, by)
        return None

    def _changed(self, outcome: Life | RuleSetRefusal) -> RuleSetRefusal | None:
        if isinstance(outcome, RuleSetRefusal):
            return outcome
        self.lives[outcome.hash] = outcome
        return None

    def _put_in_force(self, activation: Activation, by: UUID) -> None:
        before = self.lives[self.log[-1].rule_set]
        for life in control.replace_active(self.lives[activation.rule_set], before, by, NOW):
            self.lives[life.hash] = life
        self.log.append(Activation(activation.rule_set, activation.previous, activation.rolled_back, len(self.log)))


@given(STEPS)
def test_one_is_active_and_few_are_in_shadow_whatever_is_done(steps: Steps) -> None:
    office = Office()
    for step in steps:
        office.do(*step)
        active = [life.hash for life in office.lives.values() if life.status is RuleSetStatus.ACTIVE]
        assert active == [office.log[-1].rule_set]
        assert sum(life.status is RuleSetStatus.SHADOW for life in office.lives.values()) <= MOST_SHADOWS


@given(STEPS)
def test_nobody_alone_makes_rules_decide(steps: Steps) -> None:
    office = Office()
    for step in steps:
        office.do(*step)
    for name in NAMES:
        life = office.lives[name]
        statuses = [change.status for change in life.changes]
        for n, change in enumerate(life.changes):
            if change.status is RuleSetStatus.ACTIVE and not _was_active_before(statuses[:n]):
                assert statuses[n - 2 : n] == [RuleSetStatus.SHADOW, RuleSetStatus.APPROVED]
                assert life.changes[n - 1].by not in {life.author, life.changes[n - 2].by}


@given(STEPS)
def test_a_rollback_ends_at_the_first_rules(steps: Steps) -> None:
    office = Office()
    for step in steps:
        office.do(*step)
    while office.do("roll_back", "a", PEOPLE[0]) is None:
        assert len(office.log) <= 2 * len(steps) + 2
    assert office.log[-1].rule_set == "baseline"


def _was_active_before(statuses: list[RuleSetStatus]) -> bool:
    return RuleSetStatus.ACTIVE in statuses


@pytest.mark.parametrize(
    ("done", "then", "refusal"),
    [
        ("", "approve", RuleSetRefusal.RULE_SET_NOT_IN_SHADOW),
        ("", "activate", RuleSetRefusal.RULE_SET_NOT_APPROVED),
        ("shadow", "shadow", RuleSetRefusal.RULE_SET_NOT_DRAFT),
        ("shadow", "activate", RuleSetRefusal.RULE_SET_NOT_APPROVED),
        ("shadow approve", "approve", RuleSetRefusal.RULE_SET_NOT_IN_SHADOW),
        ("shadow approve activate", "activate", RuleSetRefusal.RULE_SET_ACTIVE),
        ("shadow approve activate", "retire", RuleSetRefusal.RULE_SET_ACTIVE),
        ("retire", "retire", RuleSetRefusal.RULE_SET_RETIRED),
        ("", "roll_back", RuleSetRefusal.NOTHING_TO_ROLL_BACK_TO),
    ],
)
def test_each_step_has_its_place(done: str, then: str, refusal: RuleSetRefusal) -> None:
    office = Office()
    for step in done.split():
        assert office.do(step, "a", PEOPLE[2] if step == "approve" else PEOPLE[1]) is None
    assert office.do(then, "a", PEOPLE[2]) is refusal


def test_neither_the_author_nor_who_proposed_it_approves() -> None:
    office = Office()
    assert office.do("shadow", "a", PEOPLE[1]) is None
    assert office.do("approve", "a", PEOPLE[0]) is RuleSetRefusal.APPROVER_PROPOSED_IT
    assert office.do("approve", "a", PEOPLE[1]) is RuleSetRefusal.APPROVER_PROPOSED_IT
    assert office.do("approve", "a", PEOPLE[2]) is None


def test_what_was_rolled_back_twice_is_two_further_back() -> None:
    office = Office()
    for name in ("a", "d"):  # of the same author
        for step, by in (("shadow", PEOPLE[1]), ("approve", PEOPLE[2]), ("activate", PEOPLE[2])):
            assert office.do(step, name, by) is None
    assert [office.do("roll_back", "a", PEOPLE[0]) for _ in range(2)] == [None, None]
    assert [a.rule_set for a in office.log] == ["baseline", "a", "d", "a", "baseline"]


def test_there_are_refusals_for_what_is_not_there() -> None:
    nobody = PEOPLE[0]
    assert control.put_in_shadow(None, nobody, 0, NOW) is RuleSetRefusal.RULE_SET_NOT_FOUND
    assert control.approve(None, nobody, NOW) is RuleSetRefusal.RULE_SET_NOT_FOUND
    assert control.retire(None, nobody, NOW) is RuleSetRefusal.RULE_SET_NOT_FOUND
    assert control.check_activation(None, model_approved=True) is RuleSetRefusal.RULE_SET_NOT_FOUND
    approved = Office().lives["a"].then(RuleSetStatus.APPROVED, PEOPLE[2], NOW)
    assert control.check_activation(approved, model_approved=False) is RuleSetRefusal.MODEL_NOT_APPROVED
