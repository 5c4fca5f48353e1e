"""How a rule set comes to decide about payments: draft, shadow, approved, active, retired; never by one alone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

from contracts.risk import MOST_SHADOWS, RuleSetChange, RuleSetStatus

MOST_RULE_SETS = 10_000
"""So many are ever kept; a team that changes its rules every day gets along with them for decades."""


class RuleSetRefusal(Enum):
    """Why a command about a rule set is refused: its code."""

    RULE_SET_NOT_FOUND = "rule_set_not_found"
    TOO_MANY_RULE_SETS = "too_many_rule_sets"
    RULE_SET_ACTIVE = "rule_set_active"
    RULE_SET_RETIRED = "rule_set_retired"
    RULE_SET_NOT_DRAFT = "rule_set_not_draft"
    TOO_MANY_SHADOWS = "too_many_shadows"
    RULE_SET_NOT_IN_SHADOW = "rule_set_not_in_shadow"
    APPROVER_PROPOSED_IT = "rule_set_approver_proposed_it"
    RULE_SET_NOT_APPROVED = "rule_set_not_approved"
    MODEL_NOT_APPROVED = "rule_set_model_not_approved"
    NOTHING_TO_ROLL_BACK_TO = "nothing_to_roll_back_to"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    RuleSetRefusal.RULE_SET_NOT_FOUND: "There is no rule set with this hash.",
    RuleSetRefusal.TOO_MANY_RULE_SETS: f"{MOST_RULE_SETS:,} rule sets are kept, and no more can be.",
    RuleSetRefusal.RULE_SET_ACTIVE: "The rule set is active; it ends when another one is made active.",
    RuleSetRefusal.RULE_SET_RETIRED: "The rule set is retired already.",
    RuleSetRefusal.RULE_SET_NOT_DRAFT: "Only a draft or a retired rule set can be put in shadow.",
    RuleSetRefusal.TOO_MANY_SHADOWS: f"{MOST_SHADOWS} rule sets are in shadow; approve or retire one first.",
    RuleSetRefusal.RULE_SET_NOT_IN_SHADOW: "Only a rule set in shadow can be approved.",
    RuleSetRefusal.APPROVER_PROPOSED_IT: "Somebody else than who wrote it or put it in shadow has to approve it.",
    RuleSetRefusal.RULE_SET_NOT_APPROVED: "Only an approved rule set can be made active.",
    RuleSetRefusal.MODEL_NOT_APPROVED: "The model that the rule set names is not approved.",
    RuleSetRefusal.NOTHING_TO_ROLL_BACK_TO: "No rule set was active before this one.",
}


@dataclass(frozen=True, slots=True)
class Life:
    """A rule set's life so far, oldest first; never empty. `author` is None for what came with the product."""

    hash: str
    name: str
    author: UUID | None
    changes: tuple[RuleSetChange, ...]

    @classmethod
    def begun(cls, name_hash: tuple[str, str], author: UUID | None, now: datetime) -> "Life":
        """Return the life of a new draft, of a name and hash."""
        name, made_hash = name_hash
        return cls(made_hash, name, author, (RuleSetChange(status=RuleSetStatus.DRAFT, by=author, at=now),))

    @property
    def status(self) -> RuleSetStatus:
        """Where it is now."""
        return self.changes[-1].status

    @property
    def proposer(self) -> UUID | None:
        """Who put it in shadow last."""
        return next((c.by for c in reversed(self.changes) if c.status is RuleSetStatus.SHADOW), None)

    def then(self, status: RuleSetStatus, by: UUID | None, now: datetime) -> "Life":
        """Return the life with one more step."""
        return replace(self, changes=(*self.changes, RuleSetChange(status=status, by=by, at=now)))


@dataclass(frozen=True, slots=True)
class Activation:
    """That a rule set decides from here on. `previous` is the activation that a rollback goes back to."""

    rule_set: str
    previous: int | None
    rolled_back: bool = False
    position: int | None = None


def put_in_shadow(life: Life | None, by: UUID, in_shadow: int, now: datetime) -> Life | RuleSetRefusal:
    """Propose a draft, or again what was retired, where fewer than the most are `in_shadow`."""
    if life is None:
        return RuleSetRefusal.RULE_SET_NOT_FOUND
    if life.status not in {RuleSetStatus.DRAFT, RuleSetStatus.RETIRED}:
        return RuleSetRefusal.RULE_SET_NOT_DRAFT
    if in_shadow >= MOST_SHADOWS:
        return RuleSetRefusal.TOO_MANY_SHADOWS
    return life.then(RuleSetStatus.SHADOW, by, now)


def approve(life: Life | None, by: UUID, now: datetime) -> Life | RuleSetRefusal:
    """Let it be made active: neither its author nor who proposed it can."""
    if life is None:
        return RuleSetRefusal.RULE_SET_NOT_FOUND
    if life.status is not RuleSetStatus.SHADOW:
        return RuleSetRefusal.RULE_SET_NOT_IN_SHADOW
    if by in {life.author, life.proposer}:
        return RuleSetRefusal.APPROVER_PROPOSED_IT
    return life.then(RuleSetStatus.APPROVED, by, now)


def retire(life: Life | None, by: UUID, now: datetime) -> Life | RuleSetRefusal:
    """Withdraw what is not active."""
    if life is None:
        return RuleSetRefusal.RULE_SET_NOT_FOUND
    if life.status is RuleSetStatus.ACTIVE:
        return RuleSetRefusal.RULE_SET_ACTIVE
    if life.status is RuleSetStatus.RETIRED:
        return RuleSetRefusal.RULE_SET_RETIRED
    return life.then(RuleSetStatus.RETIRED, by, now)


def check_activation(life: Life | None, *, model_approved: bool) -> RuleSetRefusal | None:
    """Return why a rule set cannot be made active, None where it can."""
    if life is None:
        return RuleSetRefusal.RULE_SET_NOT_FOUND
    if life.status is RuleSetStatus.ACTIVE:
        return RuleSetRefusal.RULE_SET_ACTIVE
    if life.status is not RuleSetStatus.APPROVED:
        return RuleSetRefusal.RULE_SET_NOT_APPROVED
    return None if model_approved else RuleSetRefusal.MODEL_NOT_APPROVED


def replace_active(life: Life, before: Life | None, by: UUID | None, now: datetime) -> list[Life]:
    """Return the lives after one rule set took the place of the one `before`."""
    lives = [] if before is None else [before.then(RuleSetStatus.RETIRED, by, now)]
    return [*lives, life.then(RuleSetStatus.ACTIVE, by, now)]


def back_to(newest: Activation | None, previous: Activation | None) -> Activation | RuleSetRefusal:
    """Return the activation that undoes the newest one; `previous` is the one that this names.

    What is rolled back again goes one further back, not back and forth.
    """
    if newest is None or previous is None:
        return RuleSetRefusal.NOTHING_TO_ROLL_BACK_TO
    return Activation(previous.rule_set, previous.previous, rolled_back=True)
