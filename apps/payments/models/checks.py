"""What payments are found by, and how far they are compared with the ledger."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, SmallInteger, Text
from sqlmodel import Field

from apps.payments.models.base import MOMENT, PaymentsTable


class MetadataPairRow(PaymentsTable, table=True):
    """A pair of an intent's metadata, under each of its parties; a trigger keeps it."""

    __tablename__ = "metadata_pair"

    party: UUID = Field(primary_key=True)
    pair: UUID = Field(primary_key=True)
    intent_id: UUID = Field(primary_key=True)


class LedgerCheckRow(PaymentsTable, table=True):
    """Where the comparison with the ledger stands, one row: the last operation that was compared."""

    __tablename__ = "ledger_check"
    __table_args__ = (CheckConstraint("id = 1", name="ledger_check_is_one"),)

    id: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    settled_at: datetime = Field(sa_type=MOMENT)
    operation_id: UUID


class LedgerDifferenceRow(PaymentsTable, table=True):
    """An operation that the ledger has otherwise. Insert-only."""

    __tablename__ = "ledger_difference"
    __table_args__ = (CheckConstraint("char_length(difference) <= 500", name="difference_is_short"),)

    operation_id: UUID = Field(primary_key=True, foreign_key="operation.id")
    intent_id: UUID = Field(foreign_key="payment_intent.id")
    difference: str = Field(sa_type=Text)
    found_at: datetime = Field(sa_type=MOMENT)
