"""Lists that people keep, sanctions lists, and screenings of names against these."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from apps.risk.models.base import MOMENT, RiskTable

_SOURCES = "source IN ('ofac', 'un', 'eu')"


class ListEntry(RiskTable, table=True):
    """An entry of the allow, deny or watch list. It counts while it is active and has not expired."""

    __tablename__ = "list_entry"
    __table_args__ = (
        CheckConstraint("list IN ('allow', 'deny', 'watch')", name="list_entry_list"),
        CheckConstraint("kind IN ('payer', 'payee', 'device', 'address', 'card', 'country')", name="list_entry_kind"),
        CheckConstraint("char_length(value) BETWEEN 1 AND 64", name="list_entry_value"),
        CheckConstraint("expires_at > added_at", name="list_entry_expiry"),
        Index("list_entry_active", "kind", "value", "list", unique=True, postgresql_where=text("is_active")),
    )

    id: UUID = Field(primary_key=True)
    list: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    value: str = Field(sa_type=Text)
    expires_at: datetime | None = Field(sa_type=MOMENT)
    owner: UUID
    reason: str = Field(sa_type=Text)
    added_by: UUID
    added_at: datetime = Field(sa_type=MOMENT)
    is_active: bool = Field(sa_column_kwargs={"server_default": text("true")})


class ListRemoval(RiskTable, table=True):
    """That an entry was taken off its list, by whom and why. Insert-only."""

    __tablename__ = "list_removal"
    __table_args__ = (ForeignKeyConstraint(["entry_id"], ["list_entry.id"], name="list_removal_entry"),)

    entry_id: UUID = Field(primary_key=True)
    removed_by: UUID
    reason: str = Field(sa_type=Text)
    removed_at: datetime = Field(sa_type=MOMENT)


class SanctionsList(RiskTable, table=True):
    """A version of a sanctions list that was imported; of each source the newest is in use. Insert-only."""

    __tablename__ = "sanctions_list"
    __table_args__ = (
        CheckConstraint(_SOURCES, name="sanctions_list_source"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sanctions_list_sha256"),
        CheckConstraint("parties BETWEEN 1 AND 100000", name="sanctions_list_parties"),
        Index("sanctions_list_newest", "source", "version"),
    )

    version: int = Field(sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    source: str = Field(sa_type=Text)
    format: str = Field(sa_type=Text)
    published: str | None = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    parties: int = Field(sa_type=Integer)
    names: int = Field(sa_type=Integer)
    imported_at: datetime = Field(sa_type=MOMENT)


class ListedParty(RiskTable, table=True):
    """A party of a list in use. Importing the list again replaces all parties of its source."""

    __tablename__ = "listed_party"
    __table_args__ = (
        CheckConstraint(_SOURCES, name="listed_party_source"),
        CheckConstraint("kind IN ('person', 'organisation', 'other')", name="listed_party_kind"),
        CheckConstraint(
            "cardinality(names) BETWEEN 1 AND 1000 AND cardinality(weak_names) <= 1000", name="listed_party_names"
        ),
    )

    source: str = Field(sa_type=Text, primary_key=True)
    reference: str = Field(sa_type=Text, primary_key=True)
    kind: str = Field(sa_type=Text)
    names: list[str] = Field(sa_type=ARRAY(Text))
    weak_names: list[str] = Field(sa_type=ARRAY(Text))
    birth_dates: list[str] = Field(sa_type=ARRAY(Text))
    programs: list[str] = Field(sa_type=ARRAY(Text))


class CustomerScreening(RiskTable, table=True):
    """Where a customer stands, as of the sanctions lists up to `screened_version`. Names stay with identity."""

    __tablename__ = "customer_screening"
    __table_args__ = (
        CheckConstraint("status IN ('unknown', 'clear', 'possible', 'confirmed')", name="customer_screening_status"),
        Index("customer_screening_due", "screened_version", "customer"),
    )

    customer: UUID = Field(primary_key=True)
    status: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'unknown'")})
    screened_version: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    screened_at: datetime | None = Field(sa_type=MOMENT)


class Screening(RiskTable, table=True):
    """A match of a subject with a listed party as it was then; of a customer without the name.

    It stands where it does by the sanctions lists up to `lists_version`.
    """

    __tablename__ = "screening"
    __table_args__ = (
        CheckConstraint("subject_kind IN ('customer', 'beneficiary')", name="screening_subject_kind"),
        CheckConstraint("(subject_kind = 'beneficiary') = (screened_name IS NOT NULL)", name="screening_name"),
        CheckConstraint("score BETWEEN 0 AND 100", name="screening_score"),
        CheckConstraint("status IN ('possible', 'dismissed', 'confirmed', 'withdrawn')", name="screening_status"),
        Index("screening_by_status", "status", "id"),
        Index("screening_of_customer", "customer", "status", "id"),
        Index("screening_of_subject", "subject", "source", "reference", "party_hash", "id"),
        Index(
            "screening_current",
            "subject",
            "source",
            "reference",
            "party_hash",
            unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    subject: UUID
    subject_kind: str = Field(sa_type=Text)
    customer: UUID
    payment_intent_id: UUID | None
    screened_name: str | None = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    party_hash: str = Field(sa_type=Text)
    party: dict[str, Any] = Field(sa_type=JSONB)
    listed_name: str = Field(sa_type=Text)
    score: int = Field(sa_type=SmallInteger)
    opened_at: datetime = Field(sa_type=MOMENT)
    status: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'possible'")})
    lists_version: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class ScreeningDecision(RiskTable, table=True):
    """What an analyst decided about a match, and why; the newest counts. Insert-only."""

    __tablename__ = "screening_decision"
    __table_args__ = (
        ForeignKeyConstraint(["screening_id"], ["screening.id"], name="screening_decision_screening"),
        CheckConstraint("outcome IN ('dismissed', 'confirmed')", name="screening_decision_outcome"),
        Index("screening_decision_of", "screening_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    screening_id: UUID
    outcome: str = Field(sa_type=Text)
    decided_by: UUID
    reason: str = Field(sa_type=Text)
    decided_at: datetime = Field(sa_type=MOMENT)
