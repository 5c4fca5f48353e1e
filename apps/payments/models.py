"""The room's own table. The relay's and the inbox's tables come with outbox.schema."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, JSON, BigInteger, CheckConstraint, Column, DateTime, Index, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class _Table(SQLModel, registry=registry()):
    """Base of the room's tables: metadata of their own, so that rooms do not share."""


class PaymentIntentRow(_Table, table=True):
    """A payment intent and its current attempt. Amounts are minor units; no row is ever deleted.

    The sweep's index is partial by `deadline_at` alone: a predicate on `state` would make every later update of the
    row touch the indexes.
    """

    __tablename__ = "payment_intent"
    __table_args__ = (
        CheckConstraint(
            "state IN ('requires_confirmation', 'assessing', 'posting', 'succeeded', 'requires_payment_method')",
            name="state_is_known",
        ),
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="amount_is_in_range"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_a_code"),
        CheckConstraint("source_wallet <> destination_wallet", name="wallets_differ"),
        CheckConstraint("char_length(description) <= 500", name="description_is_short"),
        CheckConstraint("(attempt = 0) = (state = 'requires_confirmation')", name="attempt_starts_with_confirmation"),
        CheckConstraint(
            "attempt >= 0 AND "
            "num_nonnulls(assessment_id, transfer_id, asked_by) = CASE attempt WHEN 0 THEN 0 ELSE 3 END",
            name="attempt_is_whole",
        ),
        CheckConstraint("(state = 'assessing') = (deadline_at IS NOT NULL)", name="wait_for_risk_has_a_deadline"),
        CheckConstraint(
            "(state = 'requires_payment_method') = (last_payment_error IS NOT NULL)", name="failure_has_an_error"
        ),
        Index("payment_intent_deadline", "deadline_at", postgresql_where=text("deadline_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    customer: UUID
    source_wallet: UUID
    destination_wallet: UUID
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=CHAR(3))
    description: str | None = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    attempt: int
    assessment_id: UUID | None
    transfer_id: UUID | None
    asked_by: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    last_payment_error: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    deadline_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))


metadata = _Table.metadata
