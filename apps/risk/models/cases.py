"""Cases that analysts work on, and labels: which payments were frauds."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from apps.risk.models.base import MOMENT, RiskTable

_TO_DECIDE = text("status IN ('open', 'awaiting_second_decision')")


class RiskCase(RiskTable, table=True):
    """A case about a payment's assessment or a screening, whose id it has; two opinions where two are needed.

    Its status is never `claimed`: a claim holds until `claimed_until`, and then ends by itself.
    """

    __tablename__ = "risk_case"
    __table_args__ = (
        CheckConstraint("kind IN ('payment', 'screening')", name="risk_case_kind"),
        CheckConstraint(
            "kind <> 'payment' OR num_nulls(payment_intent_id, amount, currency) = 0", name="risk_case_payment"
        ),
        CheckConstraint(
            "status IN ('open', 'awaiting_second_decision', 'decided', 'canceled')", name="risk_case_status"
        ),
        CheckConstraint(
            "outcome IN ('approve', 'decline') AND (status = 'decided') OR outcome IS NULL AND status <> 'decided'",
            name="risk_case_outcome",
        ),
        CheckConstraint("num_nulls(assignee, claimed_until) IN (0, 2)", name="risk_case_claim"),
        CheckConstraint("num_nulls(first_outcome, first_by, first_reason, first_at) IN (0, 4)", name="risk_case_first"),
        CheckConstraint("num_nulls(last_outcome, last_by, last_reason, last_at) IN (0, 4)", name="risk_case_last"),
        CheckConstraint("status <> 'decided' OR last_by IS NOT NULL", name="risk_case_decided"),
        CheckConstraint("NOT four_eyes OR status <> 'decided' OR first_by IS NOT NULL", name="risk_case_four_eyes"),
        CheckConstraint("first_by <> last_by", name="risk_case_two_people"),
        CheckConstraint("(closed_at IS NOT NULL) = (status IN ('decided', 'canceled'))", name="risk_case_closed"),
        CheckConstraint("events BETWEEN 1 AND 200", name="risk_case_events"),
        Index("risk_case_queue", "due_at", "id", postgresql_where=_TO_DECIDE),
        Index("risk_case_done", "status", "due_at", "id"),
        Index("risk_case_payment_intent", "payment_intent_id", postgresql_where=text("payment_intent_id IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'open'")})
    title: str = Field(sa_type=Text)
    customer: UUID | None
    payment_intent_id: UUID | None
    amount: int | None = Field(sa_type=BigInteger)
    currency: str | None = Field(sa_type=Text)
    four_eyes: bool
    opened_at: datetime = Field(sa_type=MOMENT)
    due_at: datetime = Field(sa_type=MOMENT)
    assignee: UUID | None
    claimed_until: datetime | None = Field(sa_type=MOMENT)
    first_outcome: str | None = Field(sa_type=Text)
    first_by: UUID | None
    first_reason: str | None = Field(sa_type=Text)
    first_at: datetime | None = Field(sa_type=MOMENT)
    last_outcome: str | None = Field(sa_type=Text)
    last_by: UUID | None
    last_reason: str | None = Field(sa_type=Text)
    last_at: datetime | None = Field(sa_type=MOMENT)
    outcome: str | None = Field(sa_type=Text)
    closed_at: datetime | None = Field(sa_type=MOMENT)
    events: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("1")})


class CaseEvent(RiskTable, table=True):
    """Something that happened with a case; `body` is what its kind has to say. Insert-only."""

    __tablename__ = "case_event"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('opened', 'claimed', 'released', 'note', 'evidence', 'decision', 'canceled')",
            name="case_event_kind",
        ),
        CheckConstraint("number BETWEEN 1 AND 200", name="case_event_number"),
        ForeignKeyConstraint(["case_id"], ["risk_case.id"], name="case_event_case"),
    )

    case_id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=SmallInteger, primary_key=True)
    kind: str = Field(sa_type=Text)
    actor: UUID | None
    at: datetime = Field(sa_type=MOMENT)
    body: dict[str, Any] = Field(sa_type=JSONB)


class LabelStatement(RiskTable, table=True):
    """The newest that a source says of a payment: whether it was a fraud."""

    __tablename__ = "label_statement"
    __table_args__ = (
        CheckConstraint("source IN ('dispute', 'analyst', 'import')", name="label_statement_source"),
        CheckConstraint("label IN ('fraud', 'good')", name="label_statement_label"),
    )

    payment_intent_id: UUID = Field(primary_key=True)
    source: str = Field(sa_type=Text, primary_key=True)
    label: str = Field(sa_type=Text)
    stated_at: datetime = Field(sa_type=MOMENT)
    is_final: bool
    stated_by: UUID | None
    reference: str = Field(sa_type=Text)


class Label(RiskTable, table=True):
    """What follows from the statements about a payment; `assessment_id` names the decision whose features know it."""

    __tablename__ = "label"
    __table_args__ = (
        CheckConstraint("source IN ('dispute', 'analyst', 'import')", name="label_source"),
        CheckConstraint("label IN ('fraud', 'good')", name="label_label"),
        ForeignKeyConstraint(["assessment_id"], ["decision.assessment_id"], name="label_decision"),
        Index("label_assessment", "assessment_id", postgresql_where=text("assessment_id IS NOT NULL")),
    )

    payment_intent_id: UUID = Field(primary_key=True)
    label: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    assessment_id: UUID | None
    changed_at: datetime = Field(sa_type=MOMENT)
