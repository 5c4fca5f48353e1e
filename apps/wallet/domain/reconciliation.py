"""Reconciliation: what a statement must be to be held against an account, and what puts a break right."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from hashlib import sha256
from uuid import UUID

from apps.wallet.domain.account import Account
from apps.wallet.domain.operation import TransferRequest
from contracts.money import MAX_AMOUNT
from contracts.wallet import AccountKind, ReconciliationStatus, StartReconciliation, TransferResolution

_NO_NAME = re.compile("[^A-Za-z0-9]+")
_UUID = re.compile("[0-9a-f]{32}")
_NOT_PROVIDED = frozenset({"", "notprovided", "none", "nonref"})
EXTERNAL_REFERENCE = "external_reference"
"""The member of a transfer's metadata by which the world outside may know it."""
RESOLUTION = "resolution"
"""The rule under which what a resolution settles is matched."""


class ReconciliationRefusal(Enum):
    """A rule that a command broke; the first one that applies, from top to bottom, is the answer."""

    RECONCILIATION_NOT_FOUND = "reconciliation_not_found", "There is no reconciliation with this id."
    RECONCILIATION_ID_REUSED = (
        "reconciliation_id_reused",
        "Another reconciliation exists under this id; use a new id for a new one.",
    )
    ACCOUNT_NOT_FOUND = "account_not_found", "There is no account with this id."
    NOT_A_CLEARING_ACCOUNT = "not_a_clearing_account", "Only clearing accounts have a statement of somebody else's."
    CURRENCY_MISMATCH = "currency_mismatch", "The statement's currency is not that of the account."
    PERIOD_INVALID = "period_invalid", "The statement's first day is after its last."
    BALANCES_INCOMPLETE = "balances_incomplete", "A statement has both an opening and a closing balance, or neither."
    LINE_OUTSIDE_PERIOD = "line_outside_period", "A line was booked on a day outside the statement's period."
    LINE_DIFFERS = "line_differs", "A line was imported before under the same number, and said something else."
    RECONCILIATION_NOT_IMPORTING = "reconciliation_not_importing", "The import has ended; it takes no more lines."
    STATEMENT_INCOMPLETE = "statement_incomplete", "Not all lines of the statement have come; import them again."
    STATEMENT_DOES_NOT_ADD_UP = (
        "statement_does_not_add_up",
        "The statement's opening balance and its lines do not add up to its closing balance.",
    )
    STATEMENT_OVERLAPS = (
        "statement_overlaps",
        "Another statement of the account covers some of these days; say `may_overlap` if this one is not the same.",
    )
    BREAK_NOT_FOUND = "break_not_found", "The reconciliation has no break with this number."
    BREAK_ALREADY_RESOLVED = "break_already_resolved", "The break has been resolved."
    BREAK_MATCHED_LATER = "break_matched_later", "A later statement has a line for this entry; only note it."
    BREAK_TOO_LARGE = "break_too_large", "The difference is more than one transfer can move; only note it."

    @property
    def code(self) -> str:
        """The public code."""
        return self.value[0]

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Statement:
    """The facts of a reconciliation that its commands are checked against."""

    id: UUID
    account_id: UUID
    currency: str
    starts_on: date
    ends_on: date
    window_days: int
    may_overlap: bool
    opening: int | None
    closing: int | None
    status: ReconciliationStatus
    open_breaks: int | None


@dataclass(frozen=True, slots=True)
class OpenBreak:
    """A break and what is known of it: `entry_matched` says that another statement has a line for its entry."""

    reconciliation_id: UUID
    number: int
    line: int | None
    sequence: int | None
    difference: int
    is_resolved: bool
    entry_matched: bool


def reference_key(reference: str | None) -> UUID | None:
    """Return what a reference is known by, None when it names nothing: ASCII letters and digits count, in either case.

    A UUID is its own key, also without dashes, which is all that fits into 35 characters (ISO 20022); of anything else
    the key is the beginning of its SHA-256. `NOTPROVIDED` is what ISO 20022 writes where there is none, `NONREF` what
    SWIFT's MT940 does.
    """
    name = _NO_NAME.sub("", reference or "").lower()
    if name in _NOT_PROVIDED:
        return None
    return UUID(name) if _UUID.fullmatch(name) else UUID(bytes=sha256(name.encode()).digest()[:16])


def refuse_start(
    command: StartReconciliation, account: Account | None, *, id_is_taken: bool, is_overlapped: bool
) -> ReconciliationRefusal | None:
    """Return why a statement cannot be imported for an account, None if it can."""
    rules = {
        ReconciliationRefusal.RECONCILIATION_ID_REUSED: id_is_taken,
        ReconciliationRefusal.ACCOUNT_NOT_FOUND: account is None,
        ReconciliationRefusal.NOT_A_CLEARING_ACCOUNT: account and account.kind != AccountKind.CLEARING,
        ReconciliationRefusal.CURRENCY_MISMATCH: account and account.currency != command.currency,
        ReconciliationRefusal.PERIOD_INVALID: command.starts_on > command.ends_on,
        ReconciliationRefusal.BALANCES_INCOMPLETE: (command.opening is None) != (command.closing is None),
        ReconciliationRefusal.STATEMENT_OVERLAPS: is_overlapped and not command.may_overlap,
    }
    return next((refusal for refusal, is_broken in rules.items() if is_broken), None)


def refuse_matching(
    statement: Statement, *, counted: tuple[int, int], announced: tuple[int, int], is_overlapped: bool
) -> ReconciliationRefusal | None:
    """Return why a statement cannot be matched: (lines, total) as they came, and as the sender counted them."""
    if counted != announced:
        return ReconciliationRefusal.STATEMENT_INCOMPLETE
    if statement.opening is not None and statement.opening + counted[1] != statement.closing:
        return ReconciliationRefusal.STATEMENT_DOES_NOT_ADD_UP
    if is_overlapped and not statement.may_overlap:
        return ReconciliationRefusal.STATEMENT_OVERLAPS
    return None


def refuse_resolution(found: OpenBreak | None, *, by_transfer: bool) -> ReconciliationRefusal | None:
    """Return why a break cannot be resolved so."""
    if found is None:
        return ReconciliationRefusal.BREAK_NOT_FOUND
    if found.is_resolved:
        return ReconciliationRefusal.BREAK_ALREADY_RESOLVED
    if by_transfer and found.entry_matched:
        return ReconciliationRefusal.BREAK_MATCHED_LATER
    if by_transfer and abs(found.difference) > MAX_AMOUNT:
        return ReconciliationRefusal.BREAK_TOO_LARGE
    return None


def correcting_transfer(statement: Statement, found: OpenBreak, resolution: TransferResolution) -> TransferRequest:
    """Return the transfer after which line and entries agree: the clearing account moves by minus the difference."""
    clearing, other = statement.account_id, resolution.account_id
    debit, credit = (clearing, other) if found.difference > 0 else (other, clearing)
    return TransferRequest(
        id=resolution.transfer_id,
        debit_account=debit,
        credit_account=credit,
        amount=abs(found.difference),
        currency=statement.currency,
        effective_at=resolution.effective_at,
        metadata={"reconciliation": str(found.reconciliation_id), "break": str(found.number)},
    )


def offsets(window_days: int) -> Iterator[int]:
    """Return days from a line to its entry, the closest first, and the day before ahead of the day after.

    Money is booked outside after it was in our books more often than before.
    """
    yield 0
    for distance in range(1, window_days + 1):
        yield from (-distance, distance)
