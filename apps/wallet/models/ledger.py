"""The ledger."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from apps.wallet.models.base import MOMENT, WalletTable

# The transaction that wrote a record: seals cover ranges of them.
_TRANSACTION = text("pg_current_xact_id()::text::bigint")


class Ledger(WalletTable, table=True):
    """The head of the ledger, one row: locked by each batch, so that there is one writer and the order is dense."""

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("id = 1", name="ledger_is_one"),
        CheckConstraint("sequence >= 0", name="ledger_sequence"),
    )

    id: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    sequence: int = Field(sa_type=BigInteger)
    moved_at: datetime = Field(sa_type=MOMENT, sa_column_kwargs={"server_default": text("'epoch'")})
    closed_until: datetime | None = Field(sa_type=MOMENT)


class Account(WalletTable, table=True):
    """An account. `balance` is credits minus debits, in minor units, after the entry at `last_sequence`.

    `held` is what its pending holds reserve, after its hold step number `hold_steps`; `changes` counts its changes.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'wallet' AND owner IS NOT NULL AND wallet IS NOT NULL AND type = 'liability' "
            "AND processor IS NULL) OR "
            "(kind IN ('clearing', 'fees', 'suspense', 'fx', 'general') AND owner IS NULL AND wallet IS NULL)",
            name="account_kind",
        ),
        CheckConstraint("type IN ('asset', 'liability', 'income', 'expense', 'equity')", name="account_type"),
        CheckConstraint("processor IS NULL OR kind = 'clearing'", name="account_processor"),
        CheckConstraint("frozen IN ('none', 'in', 'out', 'both')", name="account_frozen"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="account_currency"),
        CheckConstraint(
            "abs(balance) <= 1000000000000000000 AND abs(floor) <= 1000000000000000000 "
            "AND abs(ceiling) <= 1000000000000000000 AND held >= 0 AND held <= 1000000000000000000 AND hold_steps >= 0",
            name="account_bounds",
        ),
        CheckConstraint("balance - held >= floor", name="account_floor"),
        CheckConstraint("balance <= ceiling", name="account_ceiling"),
        CheckConstraint("closed_at IS NULL OR (balance = 0 AND held = 0)", name="account_closed"),
        CheckConstraint("balance = 0 OR last_sequence IS NOT NULL", name="account_untouched"),
        UniqueConstraint("id", "currency", name="account_id_currency"),
        UniqueConstraint("external_id", name="account_external_id"),
        UniqueConstraint("wallet", "currency", name="account_wallet"),
        Index(
            "account_system",
            "kind",
            "currency",
            "processor",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("kind IN ('clearing', 'fees', 'suspense', 'fx')"),
        ),
        Index("account_owner", "owner", "created_at", "id"),
        Index("account_age", "created_at", "id"),
        Index("account_chart", "currency", "kind", "id", postgresql_where=text("kind <> 'wallet'")),
    )

    id: UUID = Field(primary_key=True)
    owner: UUID | None
    kind: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    wallet: UUID | None
    currency: str = Field(sa_type=Text)
    balance: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    held: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    hold_steps: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    floor: int | None = Field(sa_type=BigInteger)
    ceiling: int | None = Field(sa_type=BigInteger)
    frozen: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'none'")})
    closed_at: datetime | None = Field(sa_type=MOMENT)
    processor: str | None = Field(sa_type=Text)
    external_id: str | None = Field(sa_type=Text)
    details: dict[str, str] = Field(sa_column=Column("metadata", JSONB, nullable=False, server_default=text("'{}'")))
    changes: int = Field(sa_type=Integer, sa_column_kwargs={"server_default": text("0")})
    last_sequence: int | None = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=MOMENT)


class AccountOpening(WalletTable, table=True):
    """What an account could do when it was opened, before its first change. A trigger's, insert-only."""

    __tablename__ = "account_opening"
    __table_args__ = (Index("account_opening_recorded", "recorded_in"),)

    account_id: UUID = Field(primary_key=True)
    floor: int | None = Field(sa_type=BigInteger)
    ceiling: int | None = Field(sa_type=BigInteger)
    external_id: str | None = Field(sa_type=Text)
    details: dict[str, str] = Field(sa_column=Column("metadata", JSONB, nullable=False))
    recorded_in: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": _TRANSACTION})


class AccountChange(WalletTable, table=True):
    """A change of an account: how it was from then on, who made it so, and why. Insert-only."""

    __tablename__ = "account_change"
    __table_args__ = (
        CheckConstraint("number > 0", name="account_change_number"),
        PrimaryKeyConstraint("account_id", "number"),
        Index("account_change_recorded", "recorded_in"),
    )

    account_id: UUID
    number: int
    floor: int | None = Field(sa_type=BigInteger)
    ceiling: int | None = Field(sa_type=BigInteger)
    frozen: str = Field(sa_type=Text)
    closed_at: datetime | None = Field(sa_type=MOMENT)
    external_id: str | None = Field(sa_type=Text)
    details: dict[str, str] = Field(sa_column=Column("metadata", JSONB, nullable=False))
    changed_by: UUID
    reason: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=MOMENT)
    recorded_in: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": _TRANSACTION})


class Transfer(WalletTable, table=True):
    """A posted transfer and the balances that it left. Insert-only; `fingerprint` is the SHA-256 of the request."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="transfer_amount"),
        CheckConstraint("debit_account <> credit_account", name="transfer_accounts"),
        CheckConstraint("sequence > 0", name="transfer_sequence"),
        CheckConstraint("effective_at <= posted_at", name="transfer_effective"),
        CheckConstraint(
            "(reverses IS NULL) = (reversed_total IS NULL) AND reversed_total >= amount "
            "AND reversed_total <= 1000000000000",
            name="transfer_reversal",
        ),
        UniqueConstraint("sequence", name="transfer_order"),
        Index("transfer_debited", "debit_account", "sequence"),
        Index("transfer_credited", "credit_account", "sequence"),
        Index("transfer_posted", "posted_at", "sequence"),
        Index(
            "transfer_reversed",
            "reverses",
            "reversed_total",
            unique=True,
            postgresql_where=text("reverses IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    debit_account: UUID
    credit_account: UUID
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    reference: UUID | None
    fingerprint: bytes = Field(sa_type=LargeBinary)
    sequence: int = Field(sa_type=BigInteger)
    posted_at: datetime = Field(sa_type=MOMENT)
    debit_balance: int = Field(sa_type=BigInteger)
    credit_balance: int = Field(sa_type=BigInteger)
    effective_at: datetime = Field(sa_type=MOMENT)
    journal_id: UUID | None
    hold_id: UUID | None
    reverses: UUID | None
    reversed_total: int | None = Field(sa_type=BigInteger)
    details: dict[str, str] | None = Field(sa_column=Column("metadata", JSONB))


class Refusal(WalletTable, table=True):
    """An operation that changed nothing, and why: asked for again under its id, it is refused again. Insert-only."""

    __tablename__ = "refusal"
    __table_args__ = (Index("refusal_recorded", "recorded_in"),)

    id: UUID = Field(primary_key=True)
    reference: UUID | None
    fingerprint: bytes = Field(sa_type=LargeBinary)
    code: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    refused_at: datetime = Field(sa_type=MOMENT)
    leg: int | None
    recorded_in: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": _TRANSACTION})


class Journal(WalletTable, table=True):
    """Transfers that were posted together: so many from `first_sequence` on. Insert-only."""

    __tablename__ = "journal"
    __table_args__ = (CheckConstraint("transfers BETWEEN 1 AND 100", name="journal_transfers"),)

    id: UUID = Field(primary_key=True)
    first_sequence: int = Field(sa_type=BigInteger)
    transfers: int
    reference: UUID | None
    details: dict[str, str] | None = Field(sa_column=Column("metadata", JSONB))
    fingerprint: bytes = Field(sa_type=LargeBinary)
    posted_at: datetime = Field(sa_type=MOMENT)


class Exchange(WalletTable, table=True):
    """The rate between two transfers of a journal, bought per sold in major units. Insert-only."""

    __tablename__ = "exchange"
    __table_args__ = (
        CheckConstraint("rate > 0", name="exchange_rate"),
        Index("exchange_journal", "journal_id"),
    )

    sell_transfer: UUID = Field(primary_key=True)
    buy_transfer: UUID
    journal_id: UUID
    rate: Decimal = Field(sa_type=Numeric(30, 12))


class Hold(WalletTable, table=True):
    """A hold as its newest step left it."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="hold_amount"),
        CheckConstraint("debit_account <> credit_account", name="hold_accounts"),
        CheckConstraint("captured >= 0 AND remaining >= 0 AND captured + remaining <= amount", name="hold_sums"),
        CheckConstraint(
            "status = 'pending' AND remaining > 0 OR status = 'captured' AND remaining = 0 AND captured > 0 "
            "OR status IN ('voided', 'expired') AND remaining = 0",
            name="hold_status",
        ),
        ForeignKeyConstraint(
            ["debit_account", "currency"], ["account.id", "account.currency"], name="hold_debit_account"
        ),
        ForeignKeyConstraint(
            ["credit_account", "currency"], ["account.id", "account.currency"], name="hold_credit_account"
        ),
        Index("hold_due", "expires_at", postgresql_where=text("remaining > 0")),
        Index("hold_pending", "debit_account", "expires_at", postgresql_where=text("remaining > 0")),
        Index("hold_account", "debit_account", "id"),
    )

    id: UUID = Field(primary_key=True)
    debit_account: UUID
    credit_account: UUID
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    reference: UUID | None
    fingerprint: bytes = Field(sa_type=LargeBinary)
    placed_at: datetime = Field(sa_type=MOMENT)
    captured: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    status: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=MOMENT)
    steps: int


class HoldStep(WalletTable, table=True):
    """What happened to a hold, and what it and its account hold since then. Insert-only."""

    __tablename__ = "hold_step"
    __table_args__ = (
        CheckConstraint("kind IN ('placed', 'captured', 'voided', 'extended', 'expired')", name="hold_step_kind"),
        CheckConstraint("held_after >= 0", name="hold_step_held"),
        UniqueConstraint("account_id", "account_step", name="hold_step_account"),
        UniqueConstraint("operation_id", name="hold_step_operation"),
        PrimaryKeyConstraint("hold_id", "step"),
        Index("hold_step_recorded", "recorded_in"),
    )

    hold_id: UUID
    step: int
    kind: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    captured: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    expires_at: datetime = Field(sa_type=MOMENT)
    account_id: UUID
    account_step: int = Field(sa_type=BigInteger)
    held_after: int = Field(sa_type=BigInteger)
    operation_id: UUID | None
    fingerprint: bytes | None = Field(sa_type=LargeBinary)
    recorded_at: datetime = Field(sa_type=MOMENT)
    recorded_in: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": _TRANSACTION})


class Period(WalletTable, table=True):
    """A closed period: nothing becomes effective in it any more. Insert-only."""

    __tablename__ = "period"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at AND ends_at <= closed_at", name="period_order"),
        UniqueConstraint("starts_at", name="period_start", postgresql_nulls_not_distinct=True),
        UniqueConstraint("ends_at", name="period_end"),
        Index("period_recorded", "recorded_in"),
    )

    id: UUID = Field(primary_key=True)
    starts_at: datetime | None = Field(sa_type=MOMENT)
    ends_at: datetime = Field(sa_type=MOMENT)
    closed_at: datetime = Field(sa_type=MOMENT)
    closed_by: UUID
    recorded_in: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": _TRANSACTION})


class BackdatedTotal(WalletTable, table=True):
    """What an account's backdated entries in one span of time add up to, after one transfer. Insert-only.

    See apps.wallet.domain.timeline.
    """

    __tablename__ = "backdated_total"
    __table_args__ = (
        CheckConstraint("level BETWEEN 0 AND 12", name="backdated_total_level"),
        PrimaryKeyConstraint("account_id", "level", "bucket", "sequence"),
    )

    account_id: UUID
    level: int = Field(sa_type=SmallInteger)
    bucket: int = Field(sa_type=BigInteger)
    sequence: int = Field(sa_type=BigInteger)
    total: Decimal = Field(sa_type=Numeric)
