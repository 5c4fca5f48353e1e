"""Transfers, journals of them, and how an operation ends."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from apps.wallet.domain.hold import Hold
from apps.wallet.domain.refusal import Refusal


class Posted(NamedTuple):
    """A transfer in the ledger, at its place `sequence` in the dense, ledger-wide order.

    Its fields are in the order of the table's columns; the two balances are those that it leaves behind.
    """

    id: UUID
    debit_account: UUID
    credit_account: UUID
    amount: int
    currency: str
    reference: UUID | None
    fingerprint: bytes
    sequence: int
    posted_at: datetime
    debit_balance: int
    credit_balance: int
    effective_at: datetime
    journal_id: UUID | None
    hold_id: UUID | None
    reverses: UUID | None
    reversed_total: int | None
    metadata: dict[str, str] | None


class Exchange(NamedTuple):
    """The rate between two transfers of a journal."""

    sell_transfer: UUID
    buy_transfer: UUID
    rate: Decimal


@dataclass(frozen=True, slots=True)
class PostedJournal:
    """Transfers that were posted together; they follow each other in the ledger."""

    id: UUID
    transfers: tuple[Posted, ...]
    exchanges: tuple[Exchange, ...]
    reference: UUID | None
    metadata: dict[str, str] | None
    fingerprint: bytes
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture: its transfer, and the hold as it is since then."""

    transfer: Posted
    hold: Hold


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that changed nothing, and the first rule that it broke; of a journal also the leg that broke it."""

    id: UUID
    reference: UUID | None
    fingerprint: bytes
    refusal: Refusal
    refused_at: datetime
    leg: int | None = None

    @property
    def parameter(self) -> str | None:
        """What in the command broke the rule, where there is a choice: `legs/2` is a journal's third."""
        return f"legs/{self.leg}" if self.leg is not None else None


Outcome = Posted | PostedJournal | Captured | Hold | Refused
