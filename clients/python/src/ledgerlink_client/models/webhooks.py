"""Webhook endpoints, what is delivered to them, and the events themselves."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from ledgerlink_client.models.resource import Known, Resource


class EndpointStatus(StrEnum):
    """Whether an endpoint gets anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """Where a delivery stands: waiting for its next attempt, answered with 2xx, or given up."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WebhookEndpoint(Resource):
    """Where events go. `secret` is shown when it is made or rotated, and never again."""

    id: UUID
    url: str
    events: list[str]
    description: str | None = None
    status: Known[EndpointStatus]
    disabled_reason: str | None = None
    secret: str | None = Field(default=None, repr=False)
    created_at: datetime
    updated_at: datetime


class DeliveryAttempt(Resource):
    """One try to deliver: the status that the endpoint answered with, or the error that came instead."""

    number: int
    at: datetime
    status_code: int | None = None
    error: str | None = None
    milliseconds: int


class Delivery(Resource):
    """An event on its way to one endpoint, and every attempt so far."""

    id: UUID
    endpoint: UUID
    event_id: UUID
    event: str
    payment_intent: UUID | None = None
    status: Known[DeliveryStatus]
    next_attempt_at: datetime | None = None
    attempts: list[DeliveryAttempt] = Field(default_factory=list)
    created_at: datetime


class Replayed(Resource):
    """How many deliveries a replay has made; `next_since` continues where it stopped, None when that was all."""

    deliveries: int
    next_since: datetime | None = None


class WebhookEvent(Resource):
    """An event as it came to an endpoint. `id` is the same however often it comes."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
