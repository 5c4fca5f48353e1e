"""Wallets, entries, transfers and holds. Amounts are whole minor units (cents)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from ledgerlink_client.models.resource import Known, Metadata, Resource


class Frozen(StrEnum):
    """Which way money may not go."""

    NONE = "none"
    IN = "in"
    OUT = "out"
    BOTH = "both"


class HoldStatus(StrEnum):
    """Where a hold stands; only a pending one reserves something."""

    PENDING = "pending"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


class Wallet(Resource):
    """What a wallet holds in one currency: of `balance`, `held` is reserved, the rest `available`.

    Those that share `wallet` are one wallet in several currencies.
    """

    id: UUID
    owner: UUID | None = None
    currency: str
    balance: int
    held: int = 0
    available: int | None = None
    floor: int | None = None
    ceiling: int | None = None
    wallet: UUID | None = None
    frozen: Known[Frozen] = Frozen.NONE
    metadata: Metadata = Field(default_factory=dict)
    created_at: datetime
    closed_at: datetime | None = None


class Entry(Resource):
    """One side of a transfer on one wallet: credits are positive, debits negative."""

    sequence: int
    account_id: UUID
    transfer_id: UUID
    amount: int
    balance_after: int
    posted_at: datetime
    effective_at: datetime | None = None


class Transfer(Resource):
    """A posted transfer: `amount` left the debit account and reached the credit account."""

    id: UUID
    debit_account: UUID
    credit_account: UUID
    amount: int
    currency: str
    reference: UUID | None = None
    sequence: int
    posted_at: datetime
    effective_at: datetime | None = None
    journal_id: UUID | None = None
    hold_id: UUID | None = None
    reverses: UUID | None = None
    reversed_total: int | None = None
    metadata: Metadata | None = None


class Hold(Resource):
    """Money that is reserved until `expires_at`; `remaining` of it can be captured."""

    id: UUID
    debit_account: UUID
    credit_account: UUID
    amount: int
    currency: str
    captured: int
    remaining: int
    status: Known[HoldStatus]
    expires_at: datetime
    reference: UUID | None = None
    placed_at: datetime


class HoldCapture(Resource):
    """A capture: the transfer that it posted, and the hold after it."""

    transfer: Transfer
    hold: Hold
