"""Models that score, and who approved them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Identity, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from apps.risk.models.base import MOMENT, RiskTable


class RiskModel(RiskTable, table=True):
    """A model document under the hash of its characters; `position` is the order of registration. Insert-only."""

    __tablename__ = "risk_model"
    __table_args__ = (
        CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="risk_model_hash"),
        CheckConstraint("octet_length(document) <= 327680", name="risk_model_document"),
        UniqueConstraint("position", name="risk_model_position"),
        UniqueConstraint("hash", "registered_by", name="risk_model_author"),
    )

    hash: str = Field(sa_type=Text, primary_key=True)
    position: int = Field(sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    document: str = Field(sa_type=Text)
    summary: dict[str, Any] = Field(sa_type=JSONB)
    registered_by: UUID
    registered_at: datetime = Field(sa_type=MOMENT)


class ModelApproval(RiskTable, table=True):
    """That a second person has approved a model; `registered_by` is who could not. Insert-only."""

    __tablename__ = "model_approval"
    __table_args__ = (
        CheckConstraint("approved_by <> registered_by", name="model_approval_second_person"),
        ForeignKeyConstraint(
            ["hash", "registered_by"], ["risk_model.hash", "risk_model.registered_by"], name="model_approval_model"
        ),
    )

    hash: str = Field(sa_type=Text, primary_key=True)
    registered_by: UUID
    approved_by: UUID
    approved_at: datetime = Field(sa_type=MOMENT)
