"""Webhooks both ways: what processors told us, and what we tell merchants."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, CheckConstraint, Column, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field

from apps.payments.models.base import MOMENT, PaymentsTable, default

_DUE = text("next_at IS NOT NULL")
_PARKED = text("status IN ('parked', 'attention')")


class InboundWebhookRow(PaymentsTable, table=True):
    """A processor's verified webhook, raw as it came, and what has become of it."""

    __tablename__ = "inbound_webhook"
    __table_args__ = (
        CheckConstraint("status IN ('received', 'parked', 'applied', 'ignored', 'attention')", name="status_is_known"),
        UniqueConstraint("processor", "event_id", name="one_event_once"),
        CheckConstraint("(next_at IS NOT NULL) = (status IN ('received', 'parked'))", name="due_while_unsettled"),
        Index("inbound_webhook_due", "next_at", postgresql_where=_DUE),
        Index("inbound_webhook_parked", "status", "id", postgresql_where=_PARKED),
    )

    id: UUID = Field(primary_key=True)
    processor: str = Field(sa_type=Text)
    event_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    headers: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    body: bytes = Field(sa_type=LargeBinary)
    status: str = Field(sa_type=Text)
    intent_id: UUID | None
    tries: int = Field(sa_type=Integer, sa_column_kwargs=default("0"))
    next_at: datetime | None = Field(sa_type=MOMENT)
    received_at: datetime = Field(sa_type=MOMENT)
    settled_at: datetime | None = Field(sa_type=MOMENT)


class WebhookEndpointRow(PaymentsTable, table=True):
    """Where an owner's events go. Secrets are sealed; one that was rotated signs, too, until `old_until`."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        CheckConstraint("status IN ('enabled', 'disabled')", name="status_is_known"),
        CheckConstraint("(old_secret IS NULL) = (old_until IS NULL)", name="old_secret_ends"),
        CheckConstraint("cardinality(events) BETWEEN 1 AND 20", name="events_are_named"),
        Index("webhook_endpoint_owner", "owner", "id", postgresql_where=text("deleted_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    owner: UUID
    url: str = Field(sa_type=Text)
    events: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    description: str | None = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    disabled_reason: str | None = Field(sa_type=Text)
    secret: bytes = Field(sa_type=LargeBinary)
    old_secret: bytes | None = Field(sa_type=LargeBinary)
    old_until: datetime | None = Field(sa_type=MOMENT)
    failing_since: datetime | None = Field(sa_type=MOMENT)
    deleted_at: datetime | None = Field(sa_type=MOMENT)
    created_at: datetime = Field(sa_type=MOMENT)
    updated_at: datetime = Field(sa_type=MOMENT)


class WebhookDeliveryRow(PaymentsTable, table=True):
    """An event for one endpoint. Of one endpoint and one payment the first pending `line` goes first."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status_is_known"),
        CheckConstraint("(next_at IS NOT NULL) = (status = 'pending')", name="due_while_pending"),
        Index("webhook_delivery_due", "endpoint_id", "next_at", postgresql_where=_DUE),
        Index("webhook_delivery_line", "endpoint_id", "intent_id", "line", postgresql_where=_DUE),
        Index("webhook_delivery_endpoint", "endpoint_id", "id"),
        Index("webhook_delivery_failed", "endpoint_id", "id", postgresql_where=text("status = 'failed'")),
    )

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID = Field(foreign_key="webhook_endpoint.id")
    owner: UUID
    event_id: UUID
    event: str = Field(sa_type=Text)
    intent_id: UUID | None
    line: int
    body: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    tries: int = Field(sa_type=Integer, sa_column_kwargs=default("0"))
    next_at: datetime | None = Field(sa_type=MOMENT)
    created_at: datetime = Field(sa_type=MOMENT)
    settled_at: datetime | None = Field(sa_type=MOMENT)
    traceparent: str | None = Field(sa_type=Text)


class WebhookAttemptRow(PaymentsTable, table=True):
    """One try to deliver. Insert-only."""

    __tablename__ = "webhook_attempt"

    delivery_id: UUID = Field(primary_key=True, foreign_key="webhook_delivery.id")
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=MOMENT)
    status_code: int | None
    error: str | None = Field(sa_type=Text)
    milliseconds: int
