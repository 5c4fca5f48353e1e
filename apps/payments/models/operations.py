"""What payments have asked of the ledger and of processors."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, Integer, Text, text
from sqlmodel import Field

from apps.payments.models.base import MOMENT, PaymentsTable, default

_AT_PROCESSOR = text("processor IS NOT NULL AND settled_at IS NULL")
_IN_LEDGER = text("processor IS NULL AND settled_at IS NULL")
_IN_DOUBT = text("status IN ('unknown', 'attention')")


class OperationRow(PaymentsTable, table=True):
    """One ask, under the id by which the ledger or the processor knows it. `next_at` is when a worker has to act.

    A subject has one unsettled operation on each side at most: nothing else is tried while one is not known.
    """

    __tablename__ = "operation"
    __table_args__ = (
        CheckConstraint(
            "verb IN ('post', 'hold', 'capture_hold', 'void_hold', "
            "'charge', 'authorise', 'capture', 'void', 'refund', 'payout', 'evidence')",
            name="verb_is_known",
        ),
        CheckConstraint(
            "(processor IS NULL) = (verb IN ('post', 'hold', 'capture_hold', 'void_hold'))",
            name="processor_is_asked_or_the_ledger",
        ),
        CheckConstraint(
            "status IN ('pending', 'unknown', 'requires_action', 'attention', 'succeeded', 'failed')",
            name="status_is_known",
        ),
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="amount_is_in_range"),
        CheckConstraint("(settled_at IS NOT NULL) = (status IN ('succeeded', 'failed'))", name="settled_is_over"),
        CheckConstraint("settled_at IS NULL OR next_at IS NULL", name="nobody_acts_on_what_is_settled"),
        Index("operation_due", "processor", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("operation_intent", "intent_id"),
        Index("operation_reference", "processor", "reference", postgresql_where=text("reference IS NOT NULL")),
        Index("operation_settled", "settled_at", "id", postgresql_where=text("settled_at IS NOT NULL")),
        Index("operation_in_doubt", "status", "id", postgresql_where=_IN_DOUBT),
        Index("operation_at_processor", "subject_id", unique=True, postgresql_where=_AT_PROCESSOR),
        Index("operation_in_ledger", "subject_id", unique=True, postgresql_where=_IN_LEDGER),
    )

    id: UUID = Field(primary_key=True)
    intent_id: UUID = Field(foreign_key="payment_intent.id")
    subject_id: UUID
    verb: str = Field(sa_type=Text)
    processor: str | None = Field(sa_type=Text)
    reference: str | None = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    asked: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    status: str = Field(sa_type=Text)
    problem: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    tries: int = Field(sa_type=Integer, sa_column_kwargs=default("0"))
    next_at: datetime | None = Field(sa_type=MOMENT)
    leased_by: UUID | None
    asked_at: datetime = Field(sa_type=MOMENT)
    settled_at: datetime | None = Field(sa_type=MOMENT)


class SettlementRow(PaymentsTable, table=True):
    """What an operator said of an operation whose outcome was in doubt. Insert-only."""

    __tablename__ = "settlement"
    __table_args__ = (
        CheckConstraint("outcome IN ('succeeded', 'failed')", name="outcome_is_final"),
        CheckConstraint("char_length(reference) BETWEEN 1 AND 255", name="reference_is_short"),
        CheckConstraint("char_length(note) BETWEEN 1 AND 500", name="note_is_given"),
    )

    operation_id: UUID = Field(primary_key=True, foreign_key="operation.id")
    outcome: str = Field(sa_type=Text)
    reference: str | None = Field(sa_type=Text)
    note: str = Field(sa_type=Text)
    settled_by: UUID
    settled_at: datetime = Field(sa_type=MOMENT)
