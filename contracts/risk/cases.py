"""Cases: what analysts look into: payments under review, and names that are like those on sanctions lists."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import UUID7, AfterValidator, AwareDatetime, Field, model_validator

from contracts.documents import written
from contracts.message import Idempotency, Message, command, query
from contracts.money import Amount, Currency
from contracts.risk.assessments import RiskOutcome
from contracts.risk.decisions import DecisionRecord

CASES_LIMIT = 100
CASE_EVENTS_LIMIT = 20
"""Events of a case in one page: with the longest evidence they still fit into one message."""
MOST_CASE_EVENTS = 200
"""Events of one case; the last few places are kept for decisions."""
NOTE_CHARACTERS = 4_000
DOCUMENT_BYTES = 8 * 1024
"""The largest document, as JSON, that is kept as evidence; what is larger is kept elsewhere, and its URL here."""
RELATED_PAYMENTS = 100
"""Payments of the same payer in a suspicious activity report, the newest."""

Words = Annotated[str, Field(min_length=1, max_length=NOTE_CHARACTERS, pattern="^[^\x00]*$")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$")]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\x00]*$")]
WebAddress = Annotated[str, Field(max_length=2_000, pattern="^https://[^\x00-\x20]+$")]


def _small(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raise ValueError for a document that is too large, or has what no database keeps."""
    if len(written(document)) > DOCUMENT_BYTES:
        raise ValueError(f"longer than {DOCUMENT_BYTES:,} bytes; keep it elsewhere, and its URL here")
    return document


SmallDocument = Annotated[Mapping[str, Any], AfterValidator(_small)]


class CaseKind(StrEnum):
    """What a case is about."""

    PAYMENT = "payment"
    SCREENING = "screening"


class CaseStatus(StrEnum):
    """Where a case stands; the last two are final. A claim that has expired is none."""

    OPEN = "open"
    CLAIMED = "claimed"
    AWAITING_SECOND_DECISION = "awaiting_second_decision"
    DECIDED = "decided"
    CANCELED = "canceled"


class CaseEventKind(StrEnum):
    """What happened with a case."""

    OPENED = "opened"
    CLAIMED = "claimed"
    RELEASED = "released"
    NOTE = "note"
    EVIDENCE = "evidence"
    DECISION = "decision"
    CANCELED = "canceled"


class CaseDecision(Message):
    """What one analyst has decided, and why."""

    outcome: RiskOutcome
    decided_by: UUID7
    reason: str
    decided_at: AwareDatetime


class Case(Message):
    """A case; it has the id of what it is about: of the payment's assessment, or of the screening.

    `customer` is the payer, or who was screened. `assignee` has claimed it until `claimed_until`. Where `four_eyes` is
    set two analysts decide: `first_decision` is the first one's, `decision` the last one's, `outcome` what follows from
    both. `events` counts what has happened with it.
    """

    id: UUID7
    kind: CaseKind
    status: CaseStatus
    title: str
    customer: UUID7 | None = None
    payment_intent_id: UUID7 | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    four_eyes: bool
    opened_at: AwareDatetime
    due_at: AwareDatetime
    overdue: bool
    assignee: UUID7 | None = None
    claimed_until: AwareDatetime | None = None
    first_decision: CaseDecision | None = None
    decision: CaseDecision | None = None
    outcome: RiskOutcome | None = None
    closed_at: AwareDatetime | None = None
    events: int


class CasePage(Message):
    """Cases, the one due first first; `next_after` continues after the last one, and is None at the end."""

    cases: list[Case]
    next_after: UUID7 | None = None


class CaseEvent(Message):
    """Something that happened with a case, in the order of `number`; kept for ever as it is.

    `actor` is None where no person did it. `text` are the words of a note, of evidence, or a reason; `outcome` is that
    of a decision. Evidence has a title and a text, a URL or a document.
    """

    number: int
    kind: CaseEventKind
    actor: UUID7 | None = None
    at: AwareDatetime
    text: str | None = None
    title: str | None = None
    url: str | None = None
    document: Mapping[str, Any] | None = None
    outcome: RiskOutcome | None = None
    until: AwareDatetime | None = None


class CaseEventPage(Message):
    """Events of a case, oldest first; `next_after` continues after the last one, and is None at the end."""

    events: list[CaseEvent]
    next_after: int | None = None


class RelatedPayment(Message):
    """Another payment of the same payer, and what was decided about it."""

    payment_intent_id: UUID7
    assessment_id: UUID7
    outcome: RiskOutcome
    amount: Amount | None = None
    currency: Currency | None = None
    direction: str | None = None
    method: str | None = None
    decided_at: AwareDatetime
    label: str | None = None


class SuspiciousActivityReport(Message):
    """What risk knows for a suspicious activity report: the case, its events, the decision, the payer's payments.

    Texts of evidence are cut to their first 1,000 characters: what supports a report is kept, and not sent with it.
    `related_payments_left_out` tells that the payer has more payments than are listed.
    """

    case: Case
    case_events: list[CaseEvent]
    decision: DecisionRecord | None = None
    label: str | None = None
    related_payments: list[RelatedPayment]
    related_payments_left_out: bool
    made_at: AwareDatetime


class _CaseCommand(Message):
    """What an analyst does with a case."""

    case_id: UUID7
    analyst: UUID7
    idempotency: Idempotency


@command("risk", "claim_case", senders=("gateway",), answer=Case)
class ClaimCase(_CaseCommand):
    """Take a case in hand, or keep it for longer. Another's claim holds until it expires.

    Refused with `case_not_found`, `case_closed`, `case_claimed`, `second_analyst_required`, `case_full`.
    """


@command("risk", "release_case", senders=("gateway",), answer=Case)
class ReleaseCase(_CaseCommand):
    """Give a claimed case back. Refused with `case_not_found`, `case_closed`, `case_not_claimed`, `case_full`."""


@command("risk", "add_case_note", senders=("gateway",), answer=Case)
class AddCaseNote(_CaseCommand):
    """Write something down. Refused with `case_not_found`, `case_full`."""

    note: Words


@command("risk", "add_case_evidence", senders=("gateway",), answer=Case)
class AddCaseEvidence(_CaseCommand):
    """Keep something that speaks for or against: one of a text, a URL and a small JSON document.

    Refused with `case_not_found`, `case_full`.
    """

    title: Title
    text: Words | None = None
    url: WebAddress | None = None
    document: SmallDocument | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(given is not None for given in (self.text, self.url, self.document)) != 1:
            raise ValueError("evidence is one of text, url and document")
        return self


@command("risk", "decide_case", senders=("gateway",), answer=Case)
class DecideCase(_CaseCommand):
    """Decide about a claimed case: approve or decline. Above an amount a second, different analyst decides too.

    Where the two disagree the payment is declined. Refused with `outcome_invalid`, `case_not_found`, `case_closed`,
    `case_not_claimed`, `second_analyst_required`.
    """

    outcome: RiskOutcome
    reason: Reason


@query("risk", "get_case", senders=("gateway",), answer=Case)
class GetCase(Message):
    """Read one case. Refused with `case_not_found`."""

    case_id: UUID7


@query("risk", "list_cases", senders=("gateway",), answer=CasePage)
class ListCases(Message):
    """Read cases, the one due first first, those after the case `after`; without a status those that are not closed."""

    status: CaseStatus | None = None
    kind: CaseKind | None = None
    assignee: UUID7 | None = None
    overdue: bool | None = None
    after: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=CASES_LIMIT)] = 20


@query("risk", "list_case_events", senders=("gateway",), answer=CaseEventPage)
class ListCaseEvents(Message):
    """Read what happened with a case, oldest first, after the event number `after`. Refused with `case_not_found`."""

    case_id: UUID7
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=CASE_EVENTS_LIMIT)] = CASE_EVENTS_LIMIT


@query("risk", "get_suspicious_activity_report", senders=("gateway",), answer=SuspiciousActivityReport)
class GetSuspiciousActivityReport(Message):
    """Read what there is for a suspicious activity report about a case. Refused with `case_not_found`."""

    case_id: UUID7
