"""The tables of the risk service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Text,
    text,
)
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
        CheckConstraint("payments >= 0", name="payer_minute_payments"),
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
    __table_args__ = (CheckConstraint("outcome IN ('approve', 'decline', 'review')", name="decision_outcome"),)

    assessment_id: UUID = Field(primary_key=True)
    payment_intent_id: UUID
    payer: UUID
    outcome: str = Field(sa_type=Text)
    rules: list[dict[str, Any]] = Field(sa_type=JSONB)
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))


class Review(_RiskTable, table=True):
    """A payment that an analyst has to decide about; `subject` is where the decision goes. Closed by its verdict."""

    __tablename__ = "review"
    __table_args__ = (
        CheckConstraint("amount > 0", name="review_amount"),
        ForeignKeyConstraint(["assessment_id"], ["decision.assessment_id"], name="review_decision"),
        Index("review_payment_intent", "payment_intent_id", "assessment_id"),
        Index("review_open", "assessment_id", postgresql_where=text("is_open")),
    )

    assessment_id: UUID = Field(primary_key=True)
    payment_intent_id: UUID
    source_wallet: UUID | None
    destination_wallet: UUID | None
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    direction: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    is_open: bool = Field(sa_column_kwargs={"server_default": text("true")})


class Verdict(_RiskTable, table=True):
    """What an analyst has decided about a review, and why. Insert-only."""

    __tablename__ = "verdict"
    __table_args__ = (
        CheckConstraint("outcome IN ('approve', 'decline')", name="verdict_outcome"),
        ForeignKeyConstraint(["assessment_id"], ["review.assessment_id"], name="verdict_review"),
    )

    assessment_id: UUID = Field(primary_key=True)
    outcome: str = Field(sa_type=Text)
    decided_by: UUID
    note: str = Field(sa_type=Text)
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))
