"""A request that nobody waits for any more is not worked on."""

from datetime import UTC, datetime

from contracts.message import Envelope, Message
from outbox.responder import Refused


def refuse_late(request: Envelope[Message]) -> None:
    """Let a request pass that is in time. Raises Refused with `deadline_exceeded`."""
    if request.is_late(datetime.now(UTC)):
        raise too_late()


def too_late() -> Refused:
    """Return the refusal of a request that nobody waits for any more."""
    return Refused("deadline_exceeded", "The request came too late to be worked on; send it again.")
