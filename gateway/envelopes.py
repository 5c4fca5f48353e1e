"""Wraps what the gateway says in envelopes that continue the request's correlation and trace."""

from datetime import UTC, datetime, timedelta

from contracts.ids import new_id
from contracts.message import SOURCE_PREFIX, Envelope, Message, envelope_of
from gateway.request_context import RequestContext
from outbox.tracing import producer_context

_SOURCE = SOURCE_PREFIX + "gateway"


def envelope(
    message: Message, context: RequestContext, lifetime: timedelta, replyto: str | None = None
) -> Envelope[Message]:
    """Return the envelope of a command or query, which nobody needs to work on after `lifetime`."""
    now = datetime.now(UTC)
    return envelope_of(type(message)).model_construct(
        id=new_id(),
        source=_SOURCE,
        type=message.contract.type,
        time=now,
        correlationid=context.correlation_id,
        traceparent=producer_context(context.traceparent, message.contract.type),
        replyto=replyto,
        deadline=now + lifetime,
        data=message,
    )
