"""Reconciliation: an external statement of a clearing account, held against the books.

Signs: a clearing account's balance is credits minus debits, so money that reaches us outside is a debit on it, which is
negative. A statement shows the same money as positive. So a line of +1250 matches an entry of -1250.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import UUID7, AfterValidator, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query
from contracts.money import Currency
from contracts.wallet.accounts import PAGE_LIMIT, Limit, Reason
from contracts.wallet.transfers import EffectiveAt

LINES_AT_ONCE = 1000
"""The most lines in one message."""
LINES_LIMIT = 10_000_000
LINE_AMOUNT_LIMIT = 10**15
WINDOW_LIMIT = 10
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2100, 12, 31)
"""No statement is of a day before or after these."""
_NO_NUL = "^[^\x00]*$"  # which no text in PostgreSQL can hold
Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]


class ReconciliationStatus(StrEnum):
    """Where a reconciliation stands: lines come in, are matched, leave breaks; `closed` once no break is open.

    `failed` is a matching that the database ended; asked for again it goes on where it stopped.
    """

    IMPORTING = "importing"
    MATCHING = "matching"
    MATCHED = "matched"
    CLOSED = "closed"
    FAILED = "failed"


class MatchRule(StrEnum):
    """The rules, in the order in which they are tried; what one has matched, the next ones do not see.

    `exact`: same reference, amount and day. `reference`: same reference and amount. `one_to_many`: a line is the sum of
    all entries with its reference. `many_to_one`: an entry is the sum of all lines with its reference.
    `amount_and_date`: same amount, at most `window_days` apart, the closest first; only where no reference speaks
    against it.
    """

    EXACT = "exact"
    REFERENCE = "reference"
    ONE_TO_MANY = "one_to_many"
    MANY_TO_ONE = "many_to_one"
    AMOUNT_AND_DATE = "amount_and_date"


class BreakKind(StrEnum):
    """What did not match."""

    LINE_WITHOUT_ENTRY = "line_without_entry"
    ENTRY_WITHOUT_LINE = "entry_without_line"
    AMOUNT_DIFFERS = "amount_differs"


def _not_zero(amount: int) -> int:
    if amount == 0:
        raise ValueError("a line moves money; leave out those that move none")
    return amount


class ExternalLine(Message):
    """A line of an external statement. `amount` is in minor units, positive where money reached us.

    `number` counts from 1 without a gap. Of `reference` only ASCII letters and digits count, in either case.
    """

    number: Annotated[int, Field(ge=1, le=LINES_LIMIT)]
    booked_on: Day
    amount: Annotated[int, Field(strict=True, ge=-LINE_AMOUNT_LIMIT, le=LINE_AMOUNT_LIMIT), AfterValidator(_not_zero)]
    reference: Annotated[str, Field(max_length=140, pattern=_NO_NUL)] | None = None
    description: Annotated[str, Field(max_length=500, pattern=_NO_NUL)] | None = None
    external_id: Annotated[str, Field(max_length=140, pattern=_NO_NUL)] | None = None


class RuleCount(Message):
    """How much one rule has matched."""

    rule: MatchRule
    lines: int
    entries: int


class Reconciliation(Message):
    """A statement of the days from `starts_on` to `ends_on` (both included, UTC), held against a clearing account.

    `entries` counts those that were looked at: in the period, up to `window_days` around it, and those that an earlier
    statement missed and this one names. `open_difference` is the sum of what is wrong at the open breaks.
    """

    id: UUID7
    account_id: UUID7
    currency: Currency
    name: str
    starts_on: date
    ends_on: date
    window_days: int
    opening: int | None = None
    closing: int | None = None
    status: ReconciliationStatus
    created_by: UUID7
    created_at: AwareDatetime
    lines: int | None = None
    entries: int | None = None
    matched: list[RuleCount] = Field(default_factory=list)
    matched_at: AwareDatetime | None = None
    breaks: int | None = None
    open_breaks: int | None = None
    open_difference: int | None = None
    failure: str | None = None


class ReconciliationPage(Message):
    """Reconciliations, newest first; `next_before` continues after the last one, and is None at the end."""

    reconciliations: list[Reconciliation]
    next_before: UUID7 | None = None


class LinesImported(Message):
    """Lines that are recorded now, or were before."""

    reconciliation_id: UUID7
    first: int
    last: int


class UnmatchedEntry(Message):
    """An entry of the books on the clearing account: positive credits, negative debits."""

    sequence: int
    transfer_id: UUID7
    counterparty: UUID7
    amount: int
    effective_on: date
    reference: UUID7 | None = None


class Resolution(Message):
    """How a break was resolved: a note that explains it, and a transfer if it took one to put the books right."""

    note: str
    transfer_id: UUID7 | None = None
    resolved_by: UUID7
    resolved_at: AwareDatetime


class Break(Message):
    """A line, an entry, or both under one reference with other amounts.

    `difference` is what the books lack of the statement, in the statement's sign: line plus entry.
    `matched_later_by` names the reconciliation whose statement had a line for the entry after all.
    """

    reconciliation_id: UUID7
    number: int
    kind: BreakKind
    difference: int
    line: ExternalLine | None = None
    entry: UnmatchedEntry | None = None
    resolution: Resolution | None = None
    matched_later_by: UUID7 | None = None


class BreakPage(Message):
    """Breaks in their order; `next_after` continues after the last one, and is None at the end."""

    breaks: list[Break]
    next_after: int | None = None


class NoteResolution(Message):
    """Explain a break: nothing is posted."""

    kind: Literal["note"] = "note"
    note: Reason


class TransferResolution(Message):
    """Put the books right: a transfer of the difference between the clearing account and `account_id`.

    `transfer_id` is the id of the transfer that it posts. A line gets its entry, an entry without a line is taken back,
    a wrong amount is made up for.
    """

    kind: Literal["transfer"] = "transfer"
    note: Reason
    transfer_id: UUID7
    account_id: UUID7
    effective_at: EffectiveAt = None


BreakResolution = Annotated[NoteResolution | TransferResolution, Field(discriminator="kind")]


@command("wallet", "start_reconciliation", senders=("gateway",), answer=Reconciliation)
class StartReconciliation(Message):
    """Begin to import a statement. `opening` and `closing` are its own balances, of which it has both or none.

    Refused when another statement of the account covers some of its days, unless it says that it `may_overlap`: what
    one statement shows twice would be put into the books twice.
    """

    reconciliation_id: UUID7
    account_id: UUID7
    currency: Currency
    name: Annotated[str, Field(min_length=1, max_length=140, pattern=_NO_NUL)]
    starts_on: Day
    ends_on: Day
    window_days: Annotated[int, Field(ge=0, le=WINDOW_LIMIT)] = 3
    may_overlap: bool = False
    opening: Limit | None = None
    closing: Limit | None = None
    created_by: UUID7
    idempotency: Idempotency


@command("wallet", "import_lines", senders=("gateway",), answer=LinesImported)
class ImportLines(Message):
    """Record lines of a statement. A line that is recorded already is no error, unless it says something else."""

    reconciliation_id: UUID7
    lines: Annotated[list[ExternalLine], Field(min_length=1, max_length=LINES_AT_ONCE)]


@command("wallet", "match_lines", senders=("gateway",), answer=Reconciliation)
class MatchLines(Message):
    """End the import: the statement has `lines` lines, which add up to `total`. Matching then goes on by itself.

    Refused unless all lines have come, the statement's own balances agree with them, and no statement of the same days
    has come before it.
    """

    reconciliation_id: UUID7
    lines: Annotated[int, Field(ge=0, le=LINES_LIMIT)]
    total: Limit


@command("wallet", "resolve_break", senders=("gateway",), answer=Break)
class ResolveBreak(Message):
    """Resolve one break, once and for all."""

    reconciliation_id: UUID7
    number: Annotated[int, Field(ge=1)]
    resolution: BreakResolution
    resolved_by: UUID7
    idempotency: Idempotency


@event("wallet", "reconciliation.matched")
class ReconciliationMatched(Message):
    """A statement was held against the books; what did not match is listed as breaks."""

    reconciliation: Reconciliation


@event("wallet", "reconciliation.failed")
class ReconciliationFailed(Message):
    """A matching was given up; `reconciliation.failure` says why. Nothing that had matched is lost."""

    reconciliation: Reconciliation


@event("wallet", "break.resolved")
class BreakResolved(Message):
    """An operator resolved a break; `open_breaks` are left in its reconciliation."""

    resolved: Break
    open_breaks: int


@query("wallet", "get_reconciliation", senders=("gateway",), answer=Reconciliation)
class GetReconciliation(Message):
    """Read one reconciliation. Refused with `reconciliation_not_found`."""

    id: UUID7


@query("wallet", "list_reconciliations", senders=("gateway",), answer=ReconciliationPage)
class ListReconciliations(Message):
    """Read reconciliations, newest first, those older than `before`: all, or those of one account."""

    account_id: UUID7 | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("wallet", "list_breaks", senders=("gateway",), answer=BreakPage)
class ListBreaks(Message):
    """Read the breaks of a reconciliation in their order, those after number `after`. Refused as GetReconciliation."""

    reconciliation_id: UUID7
    after: Annotated[int, Field(ge=0)] = 0
    unresolved: Annotated[bool, Field(description="Only those without a resolution")] = False
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50
