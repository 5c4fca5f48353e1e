"""Decisions, reviews and what analysts decided about them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from apps.risk.models.base import MOMENT, RiskTable


class Decision(RiskTable, table=True):
    """A decision about a payment, every rule that fired, and all that it was made from. Insert-only.

    `values` are those of the features, by position in the catalogue; `catalogue`, `rule_set` and `model` are hashes
    (DecisionDocument). Decisions of before rule sets had documents have none of them.
    """

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("outcome IN ('approve', 'decline', 'review')", name="decision_outcome"),
        CheckConstraint(
            "num_nulls(request, values, catalogue, rule_set, score, micros) IN (0, 6)", name="decision_can_be_replayed"
        ),
        CheckConstraint("score BETWEEN 0 AND 100", name="decision_score"),
        CheckConstraint("approvable_amount > 0", name="decision_approvable_amount"),
        CheckConstraint("NOT step_up OR outcome = 'decline'", name="decision_step_up"),
        Index("decision_payer", "payer", "assessment_id"),
        Index("decision_payment_intent", "payment_intent_id", "assessment_id"),
        Index("decision_by_outcome", "outcome", "assessment_id"),
    )

    assessment_id: UUID = Field(primary_key=True)
    payment_intent_id: UUID
    payer: UUID
    outcome: str = Field(sa_type=Text)
    rules: list[dict[str, Any]] = Field(sa_type=JSONB)
    decided_at: datetime = Field(sa_type=MOMENT)
    request: dict[str, Any] | None = Field(sa_type=JSON)
    values: list[Any] | None = Field(sa_type=JSON)
    catalogue: str | None = Field(sa_type=Text)
    rule_set: str | None = Field(sa_type=Text)
    model: str | None = Field(sa_type=Text)
    score: int | None = Field(sa_type=SmallInteger)
    step_up: bool = Field(sa_column_kwargs={"server_default": text("false")})
    codes: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    approvable_amount: int | None = Field(sa_type=BigInteger)
    model_part: dict[str, Any] | None = Field(sa_type=JSON)
    micros: int | None = Field(sa_type=Integer)


class DecisionDocument(RiskTable, table=True):
    """What decisions name by a hash: a catalogue's names in order, a rule set, a model. Insert-only."""

    __tablename__ = "decision_document"
    __table_args__ = (
        CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="decision_document_hash"),
        CheckConstraint("kind IN ('catalogue', 'rule_set', 'model')", name="decision_document_kind"),
    )

    hash: str = Field(sa_type=Text, primary_key=True)
    kind: str = Field(sa_type=Text)
    document: str = Field(sa_type=Text)


class DegradedAnswer(RiskTable, table=True):
    """What was answered at the deadline, before the decision. Insert-only."""

    __tablename__ = "degraded_answer"
    __table_args__ = (CheckConstraint("outcome IN ('approve', 'decline', 'review')", name="degraded_answer_outcome"),)

    assessment_id: UUID = Field(primary_key=True)
    payment_intent_id: UUID
    outcome: str = Field(sa_type=Text)
    answered_at: datetime = Field(sa_type=MOMENT)


class Review(RiskTable, table=True):
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


class Verdict(RiskTable, table=True):
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
    decided_at: datetime = Field(sa_type=MOMENT)
