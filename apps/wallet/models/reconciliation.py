"""Reconciliation: external statements, and what of them matches the books. Insert-only but for the head."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    text,
)
from sqlmodel import Field

from apps.wallet.models.base import MOMENT, WalletTable


class Reconciliation(WalletTable, table=True):
    """An external statement of a clearing account, and where its matching stands."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "currency"], ["account.id", "account.currency"], name="reconciliation_account"
        ),
        CheckConstraint("starts_on <= ends_on", name="reconciliation_period"),
        CheckConstraint("starts_on >= '1970-01-01' AND ends_on <= '2100-12-31'", name="reconciliation_days"),
        CheckConstraint("window_days BETWEEN 0 AND 10", name="reconciliation_window"),
        CheckConstraint("(opening IS NULL) = (closing IS NULL)", name="reconciliation_balances"),
        CheckConstraint(
            "status IN ('importing', 'matching', 'matched', 'closed', 'failed')", name="reconciliation_status"
        ),
        CheckConstraint("status <> 'closed' OR open_breaks = 0", name="reconciliation_closed"),
        CheckConstraint("open_breaks BETWEEN 0 AND breaks", name="reconciliation_open"),
        Index("reconciliation_account_age", "account_id", "id"),
        Index("reconciliation_matching", "id", postgresql_where=text("status = 'matching'")),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID
    currency: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    starts_on: date
    ends_on: date
    window_days: int = Field(sa_type=SmallInteger)
    may_overlap: bool
    opening: int | None = Field(sa_type=BigInteger)
    closing: int | None = Field(sa_type=BigInteger)
    created_by: UUID
    created_at: datetime = Field(sa_type=MOMENT)
    status: str = Field(sa_type=Text)
    lines: int | None
    entries: int | None
    matched_at: datetime | None = Field(sa_type=MOMENT)
    breaks: int | None
    open_breaks: int | None
    open_difference: Decimal | None = Field(sa_type=Numeric(30, 0))
    failure: str | None = Field(sa_type=Text)


class StatementLine(WalletTable, table=True):
    """A line of an external statement; `key` is what its reference is known by."""

    __tablename__ = "statement_line"
    __table_args__ = (
        CheckConstraint("number > 0", name="statement_line_number"),
        CheckConstraint("booked_on BETWEEN '1970-01-01' AND '2100-12-31'", name="statement_line_day"),
        CheckConstraint("amount <> 0 AND abs(amount) <= 1000000000000000", name="statement_line_amount"),
        PrimaryKeyConstraint("reconciliation_id", "number"),
    )

    reconciliation_id: UUID
    number: int
    booked_on: date
    amount: int = Field(sa_type=BigInteger)
    reference: str | None = Field(sa_type=Text)
    key: UUID | None
    description: str | None = Field(sa_type=Text)
    external_id: str | None = Field(sa_type=Text)


class ReconciledEntry(WalletTable, table=True):
    """An entry that a statement was held against, under the name by which the statement knows it."""

    __tablename__ = "reconciled_entry"
    __table_args__ = (PrimaryKeyConstraint("reconciliation_id", "sequence"),)

    reconciliation_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    effective_on: date
    amount: int = Field(sa_type=BigInteger)
    key: UUID | None


class LineMatch(WalletTable, table=True):
    """A line that is in a match; `sequence` is the first entry of it."""

    __tablename__ = "line_match"
    __table_args__ = (PrimaryKeyConstraint("reconciliation_id", "number"),)

    reconciliation_id: UUID
    number: int
    sequence: int = Field(sa_type=BigInteger)
    rule: str = Field(sa_type=Text)


class EntryMatch(WalletTable, table=True):
    """An entry that is in a match; `number` is the first line of it, None where two entries cancel out."""

    __tablename__ = "entry_match"
    __table_args__ = (PrimaryKeyConstraint("account_id", "sequence"),)

    account_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    reconciliation_id: UUID
    number: int | None
    rule: str = Field(sa_type=Text)


class MatchStep(WalletTable, table=True):
    """A step of a matching that is done, and how much it matched."""

    __tablename__ = "match_step"
    __table_args__ = (PrimaryKeyConstraint("reconciliation_id", "step"),)

    reconciliation_id: UUID
    step: int = Field(sa_type=SmallInteger)
    rule: str = Field(sa_type=Text)
    lines: int
    entries: int
    finished_at: datetime = Field(sa_type=MOMENT)


class ReconciliationBreak(WalletTable, table=True):
    """What did not match; `difference` is what the books lack of the statement, in the statement's sign."""

    __tablename__ = "reconciliation_break"
    __table_args__ = (
        CheckConstraint(
            "kind = 'line_without_entry' AND line IS NOT NULL AND sequence IS NULL "
            "OR kind = 'entry_without_line' AND line IS NULL AND sequence IS NOT NULL "
            "OR kind = 'amount_differs' AND line IS NOT NULL AND sequence IS NOT NULL",
            name="reconciliation_break_kind",
        ),
        CheckConstraint("difference <> 0", name="reconciliation_break_difference"),
        PrimaryKeyConstraint("reconciliation_id", "number"),
    )

    reconciliation_id: UUID
    number: int
    kind: str = Field(sa_type=Text)
    line: int | None
    sequence: int | None = Field(sa_type=BigInteger)
    difference: int = Field(sa_type=BigInteger)


class BreakResolution(WalletTable, table=True):
    """How an operator resolved a break."""

    __tablename__ = "break_resolution"
    __table_args__ = (
        ForeignKeyConstraint(
            ["reconciliation_id", "number"],
            ["reconciliation_break.reconciliation_id", "reconciliation_break.number"],
            name="break_resolution_break",
        ),
        ForeignKeyConstraint(["transfer_id"], ["transfer.id"], name="break_resolution_transfer"),
        PrimaryKeyConstraint("reconciliation_id", "number"),
    )

    reconciliation_id: UUID
    number: int
    note: str = Field(sa_type=Text)
    transfer_id: UUID | None
    resolved_by: UUID
    resolved_at: datetime = Field(sa_type=MOMENT)
