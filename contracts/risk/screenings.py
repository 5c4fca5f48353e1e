"""Screening against sanctions lists: who is like a listed party, and what analysts decided about that.

Names of customers are in no message that a stream keeps; identity has them, sealed.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query

SCREENINGS_LIMIT = 100

Score = Annotated[int, Field(ge=0, le=100)]
Why = Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$")]


class SanctionsSource(StrEnum):
    """Who publishes a list: the US Treasury (SDN), the Security Council, the European Union."""

    OFAC = "ofac"
    UN = "un"
    EU = "eu"


class PartyKind(StrEnum):
    """What a listed party is; vessels and aircraft are `other`."""

    PERSON = "person"
    ORGANISATION = "organisation"
    OTHER = "other"


class ScreeningStatus(StrEnum):
    """Where a match stands. `withdrawn`: its party has left the list or has changed, or is like the subject no more."""

    POSSIBLE = "possible"
    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class ScreeningOutcome(StrEnum):
    """What an analyst says of a match: not the same (a false positive), or the same."""

    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"


class SubjectKind(StrEnum):
    """Who was screened: a customer, or who was to get a payout."""

    CUSTOMER = "customer"
    BENEFICIARY = "beneficiary"


class ListedPartyShown(Message):
    """A listed party as it was when it matched."""

    source: SanctionsSource
    reference: str
    kind: PartyKind
    names: list[str]
    birth_dates: list[str] = Field(default_factory=list)
    programs: list[str] = Field(default_factory=list)


class ScreeningDecision(Message):
    """What an analyst decided about a match, and why."""

    outcome: ScreeningOutcome
    decided_by: UUID7
    reason: str
    decided_at: AwareDatetime


class Screening(Message):
    """A match of a subject with a listed party; `listed_name` is the name that is most like the subject's.

    `customer` is who was screened, or who pays the beneficiary. `screened_name` and `birth_date` are the subject's,
    where one screening is read whole: a customer's come from identity and are kept nowhere else.
    """

    id: UUID7
    subject_kind: SubjectKind
    customer: UUID7
    payment_intent_id: UUID7 | None = None
    status: ScreeningStatus
    score: Score
    listed_name: str
    party: ListedPartyShown
    opened_at: AwareDatetime
    screened_name: str | None = None
    birth_date: date | None = None
    decisions: list[ScreeningDecision] = Field(default_factory=list)


class ScreeningPage(Message):
    """Matches, newest first; `next_before` continues after the last one, and is None at the end."""

    screenings: list[Screening]
    next_before: UUID7 | None = None


class SanctionsList(Message):
    """The version of a list that names are screened against."""

    source: SanctionsSource
    version: int
    format: str
    published: str | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    parties: int
    names: int
    imported_at: AwareDatetime


class SanctionsLists(Message):
    """The lists in use, and how many customers have yet to be screened against their newest versions."""

    lists: list[SanctionsList]
    customers_waiting: int


@command("risk", "decide_screening", senders=("gateway",), answer=Screening)
class DecideScreening(Message):
    """Dismiss or confirm a match, also one that was decided otherwise before.

    Refused with `screening_not_found`, `screening_decided`, `screening_withdrawn`.
    """

    screening_id: UUID7
    outcome: ScreeningOutcome
    decided_by: UUID7
    reason: Why
    idempotency: Idempotency


@query("risk", "list_screenings", senders=("gateway",), answer=ScreeningPage)
class ListScreenings(Message):
    """Read matches of one status, newest first, those opened before `before`; of one customer where one is named."""

    status: ScreeningStatus = ScreeningStatus.POSSIBLE
    customer: UUID7 | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=SCREENINGS_LIMIT)] = 20


@query("risk", "get_screening", senders=("gateway",), answer=Screening)
class GetScreening(Message):
    """Read one match with the subject's name and all decisions. Refused with `screening_not_found`."""

    screening_id: UUID7


@query("risk", "list_sanctions_lists", senders=("gateway",), answer=SanctionsLists)
class ListSanctionsLists(Message):
    """Read which versions of which lists are in use."""


@event("risk", "screening.opened")
class ScreeningOpened(Message):
    """Somebody is like a listed party, and an analyst has to say whether it is them."""

    screening_id: UUID7
    subject_kind: SubjectKind
    customer: UUID7
    payment_intent_id: UUID7 | None = None
    source: SanctionsSource
    reference: str
    score: Score
    opened_at: AwareDatetime


@event("risk", "screening.decided")
class ScreeningDecided(Message):
    """An analyst has dismissed or confirmed a match."""

    screening_id: UUID7
    subject_kind: SubjectKind
    customer: UUID7
    source: SanctionsSource
    reference: str
    outcome: ScreeningOutcome
    decided_by: UUID7
    decided_at: AwareDatetime


@event("risk", "sanctions_list.imported")
class SanctionsListImported(Message):
    """Another version of a list is in use; every customer is screened again."""

    source: SanctionsSource
    version: int
    parties: int
    imported_at: AwareDatetime
