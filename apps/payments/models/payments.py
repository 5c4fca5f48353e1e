"""Payment intents, and the hops of their lives."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, JSON, BigInteger, CheckConstraint, Column, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from apps.payments.models.base import MOMENT, PaymentsTable, default


class PaymentIntentRow(PaymentsTable, table=True):
    """A payment intent and its current attempt. Amounts are minor units; no row is ever deleted.

    The sweep's index is partial by `deadline_at` alone: a predicate on `state` would make every later update of the
    row touch the indexes.
    """

    __tablename__ = "payment_intent"
    __table_args__ = (
        CheckConstraint(
            "state IN ('requires_payment_method', 'requires_confirmation', 'assessing', 'in_review', 'reserving', "
            "'authorising', 'awaiting_action', 'requires_capture', 'capturing', 'posting', 'releasing', 'succeeded', "
            "'canceled')",
            name="state_is_known",
        ),
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="amount_is_in_range"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_a_code"),
        CheckConstraint("source_wallet <> destination_wallet", name="wallets_differ"),
        CheckConstraint("char_length(description) <= 500", name="description_is_short"),
        CheckConstraint("direction IN ('payment', 'top_up', 'payout')", name="direction_is_known"),
        CheckConstraint(
            "CASE direction WHEN 'payout' THEN source_wallet IS NOT NULL AND destination_wallet IS NULL "
            "ELSE destination_wallet IS NOT NULL AND (direction = 'payment' OR source_wallet IS NULL) END",
            name="direction_has_its_wallets",
        ),
        CheckConstraint("capture_method IN ('automatic', 'manual')", name="capture_method_is_known"),
        CheckConstraint(
            "attempt >= 0 AND num_nonnulls(assessment_id, transfer_id) = CASE attempt WHEN 0 THEN 0 ELSE 2 END",
            name="attempt_is_whole",
        ),
        CheckConstraint("asked_by IS NOT NULL OR NOT (awaited OR attempt > 0)", name="who_waits_is_known"),
        CheckConstraint("state <> 'assessing' OR deadline_at IS NOT NULL", name="wait_for_risk_has_a_deadline"),
        CheckConstraint(
            "(state IN ('in_review', 'awaiting_action')) = (next_action IS NOT NULL)", name="action_is_named"
        ),
        CheckConstraint("(state = 'canceled') <= (cancellation_reason IS NOT NULL)", name="cancellation_has_a_reason"),
        CheckConstraint("application_fee >= 0 AND application_fee <= amount", name="fee_is_part_of_the_amount"),
        CheckConstraint(
            "capturing >= 0 AND captured >= 0 AND captured + capturing <= authorised AND authorised <= amount",
            name="capture_is_authorised",
        ),
        CheckConstraint(
            "refunding >= 0 AND refunded >= 0 AND disputed >= 0 AND lost >= 0 "
            "AND refunding + refunded + disputed + lost <= captured",
            name="nothing_goes_back_twice",
        ),
        CheckConstraint("state <> 'succeeded' OR captured > 0", name="success_is_captured"),
        Index("payment_intent_deadline", "deadline_at", postgresql_where=text("deadline_at IS NOT NULL")),
        Index("payment_intent_customer", "customer", "id"),
        Index("payment_intent_merchant", "merchant", "id", postgresql_where=text("merchant IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    customer: UUID
    merchant: UUID | None
    direction: str = Field(sa_type=Text, sa_column_kwargs=default("'payment'"))
    source_wallet: UUID | None
    destination_wallet: UUID | None
    method: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    processor: str | None = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=CHAR(3))
    capture_method: str = Field(sa_type=Text, sa_column_kwargs=default("'automatic'"))
    application_fee: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    description: str | None = Field(sa_type=Text)
    statement_descriptor: str | None = Field(sa_type=Text)
    pairs: dict[str, str] = Field(sa_column=Column("metadata", JSONB, nullable=False, server_default=text("'{}'")))
    return_url: str | None = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    next_action: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    attempt: int
    assessment_id: UUID | None
    transfer_id: UUID | None
    asked_by: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    awaited: bool = Field(sa_column_kwargs=default("false"))
    last_payment_error: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    cancellation_reason: str | None = Field(sa_type=Text)
    authorised: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    capturing: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    captured: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    final_capture: bool = Field(sa_column_kwargs=default("false"))
    refunding: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    refunded: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    disputed: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    lost: int = Field(sa_type=BigInteger, sa_column_kwargs=default("0"))
    hold_id: UUID | None
    held_for: str | None = Field(sa_type=Text)
    authorisation: str | None = Field(sa_type=Text)
    capture_before: datetime | None = Field(sa_type=MOMENT)
    deadline_at: datetime | None = Field(sa_type=MOMENT)
    hops: int = Field(sa_type=Integer, sa_column_kwargs=default("0"))
    created_at: datetime = Field(sa_type=MOMENT)
    updated_at: datetime = Field(sa_type=MOMENT)


class HopRow(PaymentsTable, table=True):
    """One thing that happened to a payment. Insert-only; a public one has an event, of this id, type and data."""

    __tablename__ = "hop"
    __table_args__ = (
        CheckConstraint("number > 0", name="hop_counts"),
        CheckConstraint("num_nonnulls(event_id, event, data) IN (0, 3)", name="event_is_whole"),
        Index("hop_event", "event_id", postgresql_where=text("event_id IS NOT NULL")),
        Index("hop_time", "at", postgresql_where=text("event_id IS NOT NULL")),
    )

    intent_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=MOMENT)
    trigger: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    cause: UUID | None
    operation: UUID | None
    event_id: UUID | None
    event: str | None = Field(sa_type=Text)
    data: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
