"""What has happened to a payment, hop by hop."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Message, query
from contracts.payments.intents import PAGE_LIMIT, PaymentStatus


class Hop(Message):
    """One thing that happened to a payment, its refunds or its disputes, and the message that caused it.

    `number` counts from 1 within the payment. `event` is the type of the public event that it was told by, where it was
    one; `data` is then that event's content. `state` is finer than the public status.
    """

    number: int
    at: AwareDatetime
    trigger: str
    state: str
    status: PaymentStatus
    cause: UUID7 | None = None
    operation: UUID7 | None = None
    event_id: UUID7 | None = None
    event: str | None = None
    data: Mapping[str, Any] | None = None


class Timeline(Message):
    """Hops in order; `next_after` continues after the last one, and is None at the end so far."""

    hops: list[Hop]
    next_after: int | None = None


@query("payments", "get_timeline", senders=("gateway",), answer=Timeline)
class GetTimeline(Message):
    """Read what has happened to a payment, in order, after hop `after`. Refused with `payment_intent_not_found`."""

    payment_intent: UUID7
    party: UUID7
    after: int = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = PAGE_LIMIT
