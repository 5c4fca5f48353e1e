"""Processors' webhooks that are about nothing that we know yet: they wait, and a person may have them looked at."""

from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Message, query
from contracts.payments.intents import PAGE_LIMIT
from contracts.payments.methods import ProcessorName


class ParkedWebhook(Message):
    """A verified webhook that has not taken effect.

    `operation` and `reference` are what it says that it is about: an operation of ours, and the processor's name for
    it. `payment_intent` is there when it was found, but does not fit what is known of it. One that is `given_up` is
    looked at again only when somebody asks for it; any other at `next_look_at`.
    """

    id: UUID7
    processor: ProcessorName
    event_id: str
    event: str
    operation: str | None = None
    reference: str | None = None
    payment_intent: UUID7 | None = None
    received_at: AwareDatetime
    tries: int
    next_look_at: AwareDatetime | None = None
    given_up: bool


class ParkedWebhookPage(Message):
    """Webhooks, newest first; `next_before` continues after them, and is None at the end."""

    webhooks: list[ParkedWebhook]
    next_before: UUID7 | None = None


@query("payments", "list_parked_webhooks", senders=("gateway",), answer=ParkedWebhookPage)
class ListParkedWebhooks(Message):
    """Read the webhooks that wait, or were given up, newest first, those older than `before`."""

    given_up: bool | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("payments", "retry_webhook", senders=("gateway",), answer=ParkedWebhook)
class RetryWebhook(Message):
    """Look at a webhook again, now, also if it was given up. Refused with `parked_webhook_not_found`."""

    id: UUID7
