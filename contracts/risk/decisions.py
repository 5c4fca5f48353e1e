"""Decisions as they are kept: what was asked, what was seen, what was decided, and why."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Message, query
from contracts.money import Amount, Currency
from contracts.risk.assessments import FiredRule, RiskOutcome

DECISIONS_LIMIT = 100

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FeatureValue = bool | int | float | str


class AnalystsVerdict(Message):
    """What an analyst has decided about a payment that was put under review."""

    outcome: RiskOutcome
    decided_by: UUID7
    note: str
    decided_at: AwareDatetime


class Contribution(Message):
    """By how many points of 100 a feature moved the model's part of the score."""

    feature: str
    points: float


class DecisionRecord(Message):
    """A decision with all that it was made from; decisions of before rule sets had documents say less.

    `rule_set` and `model` are SHA-256 of the documents that decided. `microseconds` is what deciding took, of what
    passed. `degraded_outcome` is what was answered at the deadline, where the decision came later. `values` are those
    of all features, where one decision is read.
    """

    assessment_id: UUID7
    payment_intent_id: UUID7
    payer: UUID7
    outcome: RiskOutcome
    step_up: bool = False
    score: Annotated[int, Field(ge=0, le=100)] | None = None
    reason_codes: tuple[str, ...] = ()
    rules: list[FiredRule]
    approvable_amount: Amount | None = None
    decided_at: AwareDatetime
    degraded_outcome: RiskOutcome | None = None
    verdict: AnalystsVerdict | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    direction: str | None = None
    method: str | None = None
    asked_at: AwareDatetime | None = None
    rule_set: Sha256 | None = None
    model: Sha256 | None = None
    model_points: int | None = None
    contributions: tuple[Contribution, ...] = ()
    microseconds: int | None = None
    values: Mapping[str, FeatureValue] | None = None


class DecisionPage(Message):
    """Decisions, newest first, without values; `next_before` continues after the last one, and is None at the end."""

    decisions: list[DecisionRecord]
    next_before: UUID7 | None = None


@query("risk", "get_decision", senders=("gateway",), answer=DecisionRecord)
class GetDecision(Message):
    """Read one decision. Refused with `decision_not_found`."""

    assessment_id: UUID7


@query("risk", "list_decisions", senders=("gateway",), answer=DecisionPage)
class ListDecisions(Message):
    """Read decisions, newest first: of a payer or a payment, with an outcome, asked for in a time, before `before`.

    `until` is exclusive.
    """

    payer: UUID7 | None = None
    payment_intent_id: UUID7 | None = None
    outcome: RiskOutcome | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=DECISIONS_LIMIT)] = 20
