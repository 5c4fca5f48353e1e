"""The tables of the risk service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Integer, MetaData, PrimaryKeyConstraint, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

metadata = MetaData()


class _RiskTable(SQLModel, registry=registry(metadata=metadata)):
    metadata = metadata


class PayerMinute(_RiskTable, table=True):
    """Payments of one payer in one currency within one minute (since 1970): all attempts, but only approved amounts."""

    __tablename__ = "payer_minute"
    __table_args__ = (
        CheckConstraint("payments > 0", name="payer_minute_payments"),
        CheckConstraint("amount >= 0", name="payer_minute_amount"),
        PrimaryKeyConstraint("payer", "currency", "minute"),
        Index("payer_minute_age", "minute"),
    )

    payer: UUID
    currency: str = Field(sa_type=Text)
    minute: int = Field(sa_type=Integer)
    payments: int = Field(sa_type=Integer)
    amount: int = Field(sa_type=BigInteger)


class Decision(_RiskTable, table=True):
    """A decision about a payment, and every rule that fired. Insert-only."""

    __tablename__ = "decision"
    __table_args__ = (CheckConstraint("outcome IN ('approve', 'decline')", name="decision_outcome"),)

    assessment_id: UUID = Field(primary_key=True)
    payment_intent_id: UUID
    payer: UUID
    outcome: str = Field(sa_type=Text)
    rules: list[dict[str, Any]] = Field(sa_type=JSONB)
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))
