"""Cases: claimed for a time, written on, and decided: above an amount by two analysts, who must agree to approve.

Two analysts who disagree decline: money about which there are two opinions does not move.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from contracts.money import minor_unit_exponents
from contracts.risk import MOST_CASE_EVENTS, CaseEventKind, CaseKind, CaseStatus, RiskOutcome

KEPT_FOR_DECISIONS = 10
"""Events of a case that nothing but decisions and cancellations may take: a full case can still be decided."""
GONE_THROUGH = (
    "The payment has gone through by the answer given at the deadline: no decision stops it. The money counts. "
    "Refund it or label it if it should not have moved."
)
FINAL = (CaseStatus.DECIDED, CaseStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """How cases are worked on: amounts above `four_eyes_amount` (major units) take two analysts."""

    four_eyes_amount: int
    decided_within: timedelta
    claimed_for: timedelta


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a case is to be opened about; `id` is that of the assessment or the screening."""

    id: UUID
    kind: CaseKind
    title: str
    customer: UUID | None = None
    payment_intent_id: UUID | None = None
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one analyst has decided."""

    outcome: RiskOutcome
    decided_by: UUID
    reason: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is kept. `status` is never `claimed`: whether a claim holds depends on the time (`status_at`)."""

    id: UUID
    kind: CaseKind
    title: str
    customer: UUID | None
    payment_intent_id: UUID | None
    amount: int | None
    currency: str | None
    four_eyes: bool
    opened_at: datetime
    due_at: datetime
    status: CaseStatus = CaseStatus.OPEN
    assignee: UUID | None = None
    claimed_until: datetime | None = None
    first: Opinion | None = None
    last: Opinion | None = None
    outcome: RiskOutcome | None = None
    closed_at: datetime | None = None
    events: int = 1

    @property
    def is_closed(self) -> bool:
        """Whether nothing is to be decided any more."""
        return self.status in FINAL

    @property
    def standing(self) -> Opinion | None:
        """The opinion that the outcome is: the last one; of two who disagree that of who declines."""
        if self.first and self.last and self.first.outcome is self.outcome is not self.last.outcome:
            return self.first
        return self.last

    def claimed_at(self, now: datetime) -> UUID | None:
        """Return whose case it is now, None where a claim has expired or there is none."""
        return self.assignee if self.claimed_until and now < self.claimed_until else None

    def status_at(self, now: datetime) -> CaseStatus:
        """Return the status as it is shown: an open case that somebody has in hand is claimed."""
        if self.status is CaseStatus.OPEN and self.claimed_at(now):
            return CaseStatus.CLAIMED
        return self.status

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether it should have been decided by now."""
        return not self.is_closed and self.due_at <= now


class CaseRefusal(Enum):
    """Why something cannot be done with a case."""

    OUTCOME_INVALID = "outcome_invalid"
    CASE_NOT_FOUND = "case_not_found"
    CASE_CLOSED = "case_closed"
    CASE_CLAIMED = "case_claimed"
    CASE_NOT_CLAIMED = "case_not_claimed"
    SECOND_ANALYST_REQUIRED = "second_analyst_required"
    CASE_FULL = "case_full"
    OWN_ACCOUNT = "own_account"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    CaseRefusal.OUTCOME_INVALID: "An analyst approves or declines.",
    CaseRefusal.CASE_NOT_FOUND: "There is no case with this id.",
    CaseRefusal.CASE_CLOSED: "The case has been decided or canceled already; its events say why.",
    CaseRefusal.CASE_CLAIMED: "Another analyst has this case in hand.",
    CaseRefusal.CASE_NOT_CLAIMED: "Claim the case first: you have no claim on it that still holds.",
    CaseRefusal.SECOND_ANALYST_REQUIRED: "You have decided about this case; another analyst has to decide too.",
    CaseRefusal.OWN_ACCOUNT: "Nobody decides about their own payment or their own name.",
    CaseRefusal.CASE_FULL: f"A case has room for {MOST_CASE_EVENTS} events, and this one is full.",
}


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened with a case, to be kept for ever; `body` is what its kind has to say."""

    case_id: UUID
    number: int
    kind: CaseEventKind
    actor: UUID | None
    at: datetime
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A case after something happened, and what that was."""

    case: Case
    event: NewEvent


def opened(new: NewCase, policy: CasePolicy, now: datetime) -> Case:
    """Return the case that is opened about something."""
    return Case(
        id=new.id,
        kind=new.kind,
        title=new.title,
        customer=new.customer,
        payment_intent_id=new.payment_intent_id,
        amount=new.amount,
        currency=new.currency,
        four_eyes=_takes_two(new, policy),
        opened_at=now,
        due_at=now + policy.decided_within,
    )


def claim(case: Case, analyst: UUID, policy: CasePolicy, now: datetime) -> Change | CaseRefusal:
    """Let an analyst have the case for a time; who has it already has it for longer."""
    if refusal := _not_claimable(case, analyst, now):
        return refusal
    until = now + policy.claimed_for
    claimed = replace(case, assignee=analyst, claimed_until=until)
    return _happened(claimed, CaseEventKind.CLAIMED, analyst, now, {"until": until.isoformat()})


def release(case: Case, analyst: UUID, now: datetime) -> Change | CaseRefusal:
    """Let an analyst give the case back."""
    if case.is_closed:
        return CaseRefusal.CASE_CLOSED
    if case.claimed_at(now) != analyst:
        return CaseRefusal.CASE_NOT_CLAIMED
    if _is_full(case):
        return CaseRefusal.CASE_FULL
    return _happened(replace(case, assignee=None, claimed_until=None), CaseEventKind.RELEASED, analyst, now, {})


def write(
    case: Case, kind: CaseEventKind, analyst: UUID, body: Mapping[str, Any], now: datetime
) -> Change | CaseRefusal:
    """Keep a note or evidence; whoever works on cases may add to them, also once they are closed."""
    return CaseRefusal.CASE_FULL if _is_full(case) else _happened(case, kind, analyst, now, body)


def decide(case: Case, opinion: Opinion, *, unclaimed: bool = False) -> Change | CaseRefusal:
    """Decide, as the analyst who has the case; with `unclaimed` also as one who has not, while nobody else has it."""
    now, analyst = opinion.decided_at, opinion.decided_by
    if refusal := _not_decidable(case, opinion, unclaimed=unclaimed):
        return refusal
    if case.four_eyes and case.first is None:
        after = replace(case, first=opinion, status=CaseStatus.AWAITING_SECOND_DECISION)
    else:
        agreed = case.first is None or case.first.outcome is opinion.outcome
        outcome = opinion.outcome if agreed else RiskOutcome.DECLINE
        after = replace(case, last=opinion, outcome=outcome, status=CaseStatus.DECIDED, closed_at=now)
    after = replace(after, assignee=None, claimed_until=None)
    body = {"outcome": opinion.outcome.value, "text": opinion.reason}
    return _happened(after, CaseEventKind.DECISION, analyst, now, body)


def cancel(case: Case, reason: str, now: datetime) -> Change | CaseRefusal:
    """Close a case about which there is nothing to decide any more."""
    if case.is_closed:
        return CaseRefusal.CASE_CLOSED
    canceled = replace(case, status=CaseStatus.CANCELED, assignee=None, claimed_until=None, closed_at=now)
    return _happened(canceled, CaseEventKind.CANCELED, None, now, {"text": reason})


def gone_through(case: Case, now: datetime) -> Change | CaseRefusal:
    """Close a case about a payment that the answer at the deadline let through, so that nobody can stop it any more.

    One that was decided stays so: that it did not stop the payment is noted.
    """
    if not case.is_closed:
        return cancel(case, GONE_THROUGH, now)
    if case.outcome is RiskOutcome.DECLINE and not _is_full(case):
        return _happened(case, CaseEventKind.NOTE, None, now, {"text": GONE_THROUGH})
    return CaseRefusal.CASE_CLOSED


def _takes_two(new: NewCase, policy: CasePolicy) -> bool:
    if new.amount is None or new.currency is None:
        return False
    unit: int = 10 ** minor_unit_exponents()[new.currency]
    return new.amount > policy.four_eyes_amount * unit


def _not_claimable(case: Case, analyst: UUID, now: datetime) -> CaseRefusal | None:
    if case.is_closed:
        return CaseRefusal.CASE_CLOSED
    if case.customer == analyst:
        return CaseRefusal.OWN_ACCOUNT
    if case.claimed_at(now) not in {None, analyst}:
        return CaseRefusal.CASE_CLAIMED
    if case.first and case.first.decided_by == analyst:
        return CaseRefusal.SECOND_ANALYST_REQUIRED
    return CaseRefusal.CASE_FULL if _is_full(case) else None


def _not_decidable(case: Case, opinion: Opinion, *, unclaimed: bool) -> CaseRefusal | None:
    if opinion.outcome is RiskOutcome.REVIEW:
        return CaseRefusal.OUTCOME_INVALID
    if case.is_closed:
        return CaseRefusal.CASE_CLOSED
    if case.customer == opinion.decided_by:
        return CaseRefusal.OWN_ACCOUNT
    if case.first and case.first.decided_by == opinion.decided_by:
        return CaseRefusal.SECOND_ANALYST_REQUIRED
    holder = case.claimed_at(opinion.decided_at)
    if holder == opinion.decided_by or (unclaimed and holder is None):
        return None
    return CaseRefusal.CASE_CLAIMED if unclaimed else CaseRefusal.CASE_NOT_CLAIMED


def _is_full(case: Case) -> bool:
    return case.events >= MOST_CASE_EVENTS - KEPT_FOR_DECISIONS


def _happened(case: Case, kind: CaseEventKind, actor: UUID | None, now: datetime, body: Mapping[str, Any]) -> Change:
    after = replace(case, events=case.events + 1)
    return Change(after, NewEvent(case.id, after.events, kind, actor, now, body))
