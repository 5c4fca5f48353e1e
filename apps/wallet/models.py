"""The tables of the wallet service. What no constraint here can say, the migrations' verification triggers enforce."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

metadata = MetaData()
_MOMENT = DateTime(timezone=True)


class _WalletTable(SQLModel, registry=registry(metadata=metadata)):
    metadata = metadata


class Ledger(_WalletTable, table=True):
    """The head of the ledger, one row: locked by each batch, so that there is one writer and the order is dense."""

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("id = 1", name="ledger_is_one"),
        CheckConstraint("sequence >= 0", name="ledger_sequence"),
    )

    id: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    sequence: int = Field(sa_type=BigInteger)


class Account(_WalletTable, table=True):
    """An account. `balance` is credits minus debits, in minor units, after the entry at `last_sequence`."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'wallet' AND owner IS NOT NULL AND floor = 0) OR "
            "(kind = 'clearing' AND owner IS NULL AND floor IS NULL)",
            name="account_kind",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="account_currency"),
        CheckConstraint("balance >= floor", name="account_floor"),
        CheckConstraint("balance = 0 OR last_sequence IS NOT NULL", name="account_untouched"),
        UniqueConstraint("id", "currency", name="account_id_currency"),
        Index("account_clearing", "currency", unique=True, postgresql_where=text("kind = 'clearing'")),
        Index("account_owner", "owner", "created_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    owner: UUID | None
    kind: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    balance: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    floor: int | None = Field(sa_type=BigInteger)
    last_sequence: int | None = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=_MOMENT)


class Transfer(_WalletTable, table=True):
    """A posted transfer. Insert-only; `fingerprint` is the SHA-256 of the request."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="transfer_amount"),
        CheckConstraint("debit_account <> credit_account", name="transfer_accounts"),
        CheckConstraint("sequence > 0", name="transfer_sequence"),
        UniqueConstraint("sequence", name="transfer_order"),
        ForeignKeyConstraint(
            ["debit_account", "currency"], ["account.id", "account.currency"], name="transfer_debit_account"
        ),
        ForeignKeyConstraint(
            ["credit_account", "currency"], ["account.id", "account.currency"], name="transfer_credit_account"
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
    posted_at: datetime = Field(sa_type=_MOMENT)


class Entry(_WalletTable, table=True):
    """One side of a transfer on one account: positive credits, negative debits. Insert-only."""

    __tablename__ = "entry"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="entry_amount"),
        PrimaryKeyConstraint("account_id", "sequence"),
    )

    account_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    transfer_id: UUID
    amount: int = Field(sa_type=BigInteger)
    balance_after: int = Field(sa_type=BigInteger)
    posted_at: datetime = Field(sa_type=_MOMENT)


class RefusedTransfer(_WalletTable, table=True):
    """A transfer that changed nothing, and why: asked for again under its id, it is refused again. Insert-only."""

    __tablename__ = "refused_transfer"

    id: UUID = Field(primary_key=True)
    reference: UUID | None
    fingerprint: bytes = Field(sa_type=LargeBinary)
    code: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    refused_at: datetime = Field(sa_type=_MOMENT)
