"""What goes back of payments: refunds and disputes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, JSON, BigInteger, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from apps.payments.models.base import MOMENT, PaymentsTable


class RefundRow(PaymentsTable, table=True):
    """Money on its way back. At every commit the refunds of a payment add up to what its row says."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint(
            "stage IN ('reserving', 'refunding', 'posting', 'releasing', 'succeeded', 'failed')",
            name="stage_is_known",
        ),
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="amount_is_in_range"),
        CheckConstraint("(stage IN ('releasing', 'failed')) = (failure IS NOT NULL)", name="failure_has_a_reason"),
        Index("refund_intent", "intent_id", "id"),
        Index("refund_merchant", "merchant", "id"),
        Index("refund_customer", "customer", "id"),
    )

    id: UUID = Field(primary_key=True)
    intent_id: UUID = Field(foreign_key="payment_intent.id")
    merchant: UUID
    customer: UUID
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=CHAR(3))
    reason: str | None = Field(sa_type=Text)
    pairs: dict[str, str] = Field(sa_column=Column("metadata", JSONB, nullable=False, server_default=text("'{}'")))
    stage: str = Field(sa_type=Text)
    hold_id: UUID | None
    failure: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    asked_by: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    created_at: datetime = Field(sa_type=MOMENT)
    updated_at: datetime = Field(sa_type=MOMENT)


class DisputeRow(PaymentsTable, table=True):
    """A contested payment; `contested` is the part of the bank's claim that was there to be contested."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("status IN ('needs_response', 'under_review', 'won', 'lost')", name="status_is_known"),
        CheckConstraint(
            "funds IN ('holding', 'held', 'unfunded', 'settling', 'taken', 'returned')", name="funds_are_somewhere"
        ),
        CheckConstraint("amount > 0 AND contested >= 0 AND contested <= amount", name="amount_is_in_range"),
        UniqueConstraint("processor", "reference", name="one_dispute_once"),
        Index("dispute_intent", "intent_id", "id"),
        Index("dispute_merchant", "merchant", "id"),
        Index("dispute_customer", "customer", "id"),
    )

    id: UUID = Field(primary_key=True)
    intent_id: UUID = Field(foreign_key="payment_intent.id")
    merchant: UUID
    customer: UUID
    processor: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    contested: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=CHAR(3))
    reason: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    funds: str = Field(sa_type=Text)
    hold_id: UUID | None
    evidence: dict[str, str] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    evidence_due_by: datetime | None = Field(sa_type=MOMENT)
    asked_by: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    created_at: datetime = Field(sa_type=MOMENT)
    updated_at: datetime = Field(sa_type=MOMENT)
