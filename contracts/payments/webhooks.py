"""Webhook endpoints: where a merchant's own system hears of its payments (Standard Webhooks).

Endpoints are managed by requests and not by commands: their secrets must not enter a stream.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Message, query
from contracts.payments.intents import PAGE_LIMIT

EVENT_TYPES = (
    "payment_intent.created",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "refund.created",
    "refund.succeeded",
    "refund.failed",
    "dispute.opened",
    "dispute.updated",
    "dispute.closed",
)
"""The events that an endpoint may ask for."""
TEST_EVENT = "endpoint.test"
ENDPOINTS_LIMIT = 16
"""How many endpoints one owner may have."""

EventFilter = Annotated[str, Field(pattern=r"^(\*|[a-z_]+\.(\*|[a-z_]+))$", examples=["payment_intent.*"])]
EventFilters = Annotated[
    list[EventFilter],
    Field(min_length=1, max_length=20, description="Event types, `payment_intent.*` or `*`"),
]
EndpointUrl = Annotated[
    str, Field(max_length=2000, pattern="^https?://[^\x00-\x20]+$", examples=["https://shop.example/hooks"])
]
EndpointDescription = Annotated[str, Field(max_length=500, pattern="^[^\x00]*$")]


class EndpointStatus(StrEnum):
    """Whether an endpoint gets anything; one that answers 410, or fails for days, is disabled."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """Where a delivery stands: waiting for its next attempt, answered with 2xx, or given up."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WebhookEndpoint(Message):
    """Where events go. `secret` is shown when it is made or rotated, and never again."""

    id: UUID7
    url: str
    events: list[str]
    description: str | None = None
    status: EndpointStatus
    disabled_reason: str | None = None
    secret: str | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class WebhookEndpoints(Message):
    """All endpoints of one owner, oldest first."""

    endpoints: list[WebhookEndpoint]


class DeliveryAttempt(Message):
    """One try to deliver: the status that the endpoint answered with, or the error that came instead."""

    number: int
    at: AwareDatetime
    status_code: int | None = None
    error: str | None = None
    milliseconds: int


class Delivery(Message):
    """An event on its way to one endpoint, and every attempt so far."""

    id: UUID7
    endpoint: UUID7
    event_id: UUID7
    event: str
    payment_intent: UUID7 | None = None
    status: DeliveryStatus
    next_attempt_at: AwareDatetime | None = None
    attempts: list[DeliveryAttempt] = Field(default_factory=list)
    created_at: AwareDatetime


class DeliveryPage(Message):
    """Deliveries, newest first; `next_before` continues after the last one, and is None at the end."""

    deliveries: list[Delivery]
    next_before: UUID7 | None = None


class Replayed(Message):
    """How many deliveries a replay has made anew; `next_since` continues where it stopped, None when that was all."""

    deliveries: int
    next_since: AwareDatetime | None = None


class WebhookKeys(Message):
    """The public keys that verify `v1a` signatures, as a JWK set (RFC 7517 §5, RFC 8037)."""

    keys: list[Mapping[str, Any]]


@query("payments", "create_webhook_endpoint", senders=("gateway",), answer=WebhookEndpoint)
class CreateWebhookEndpoint(Message):
    """Add an endpoint. Refused with `endpoint_url_refused`, `unknown_event_type`, `too_many_endpoints`."""

    owner: UUID7
    url: EndpointUrl
    events: EventFilters
    description: EndpointDescription | None = None


@query("payments", "update_webhook_endpoint", senders=("gateway",), answer=WebhookEndpoint)
class UpdateWebhookEndpoint(Message):
    """Change an endpoint; what is None stays.

    Refused with `endpoint_not_found`, `endpoint_url_refused`, `unknown_event_type`.
    """

    id: UUID7
    owner: UUID7
    url: EndpointUrl | None = None
    events: EventFilters | None = None
    description: EndpointDescription | None = None
    status: EndpointStatus | None = None


@query("payments", "delete_webhook_endpoint", senders=("gateway",), answer=WebhookEndpoint)
class DeleteWebhookEndpoint(Message):
    """Remove an endpoint; nothing more is sent to it. Refused with `endpoint_not_found`."""

    id: UUID7
    owner: UUID7


@query("payments", "rotate_webhook_secret", senders=("gateway",), answer=WebhookEndpoint)
class RotateWebhookSecret(Message):
    """Make a new secret; the old one signs, too, for `overlap_hours` more. Refused with `endpoint_not_found`."""

    id: UUID7
    owner: UUID7
    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


@query("payments", "list_webhook_endpoints", senders=("gateway",), answer=WebhookEndpoints)
class ListWebhookEndpoints(Message):
    """Read all endpoints of an owner."""

    owner: UUID7


@query("payments", "get_webhook_endpoint", senders=("gateway",), answer=WebhookEndpoint)
class GetWebhookEndpoint(Message):
    """Read one endpoint. Refused with `endpoint_not_found`."""

    id: UUID7
    owner: UUID7


@query("payments", "send_test_event", senders=("gateway",), answer=Delivery)
class SendTestEvent(Message):
    """Send an event of type `endpoint.test` to one endpoint. Refused with `endpoint_not_found`, `endpoint_disabled`."""

    id: UUID7
    owner: UUID7


@query("payments", "list_deliveries", senders=("gateway",), answer=DeliveryPage)
class ListDeliveries(Message):
    """Read an endpoint's deliveries, newest first, those older than `before`. Refused with `endpoint_not_found`."""

    endpoint: UUID7
    owner: UUID7
    status: DeliveryStatus | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("payments", "redeliver", senders=("gateway",), answer=Delivery)
class Redeliver(Message):
    """Send one delivery again, now: one that has ended is a new delivery then.

    Refused with `delivery_not_found`, `endpoint_disabled`.
    """

    id: UUID7
    owner: UUID7


@query("payments", "replay_events", senders=("gateway",), answer=Replayed)
class ReplayEvents(Message):
    """Send again all that an endpoint asks for and that happened since a time, a bounded part of it at once.

    Refused with `endpoint_not_found`, `endpoint_disabled`.
    """

    endpoint: UUID7
    owner: UUID7
    since: AwareDatetime


@query("payments", "get_webhook_keys", senders=("gateway",), answer=WebhookKeys)
class GetWebhookKeys(Message):
    """Read the keys that verify `v1a` signatures."""
