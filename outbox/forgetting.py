"""What a stream still holds of what it was told: a broker may be wiped, or restored from an older backup."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts.message import SOURCE_PREFIX, Envelope, Message
from outbox.publisher import StreamState, stored_message

_LOOK_BACK = 1000


@dataclass(frozen=True)
class Cursor:
    """How far a stream has been told, and where in which incarnation of it the last message stands."""

    position: int
    incarnation: datetime
    sequence: int


async def held_position(
    nc: Client, service: str, stream: str, cursor: Cursor, state: StreamState, last_event: UUID | None
) -> int:
    """Return the last outbox position that the stream still holds: the cursor's own, unless it forgot.

    With `last_event`, the event at the cursor, the message at the remembered sequence is compared too: other senders
    may have made a shortened stream grow past that sequence again.
    """
    if state.created != cursor.incarnation:
        return 0
    if cursor.position == 0 or cursor.sequence < state.first_sequence:
        return cursor.position
    if cursor.sequence > state.last_sequence:
        return await _search_back(nc, service, stream, state)
    if last_event is not None and not await _stands_at(nc, stream, cursor.sequence, last_event):
        return await _search_back(nc, service, stream, state)
    return cursor.position


async def _stands_at(nc: Client, stream: str, sequence: int, event: UUID) -> bool:
    """Tell whether a message is where it was stored; one that a limit of the stream dropped counts as there."""
    message = await stored_message(nc, stream, sequence)
    return message is None or (message.headers or {}).get("Nats-Msg-Id") == str(event)


async def _search_back(nc: Client, service: str, stream: str, state: StreamState) -> int:
    """Find the service's newest message in the stream; all up to the position that it names is there."""
    oldest = max(1, state.first_sequence, state.last_sequence - _LOOK_BACK)
    for sequence in range(state.last_sequence, oldest - 1, -1):
        message = await stored_message(nc, stream, sequence)
        if message is not None and (position := _position_said_by(service, message)):
            return position
    return 0


def _position_said_by(service: str, message: Msg) -> int | None:
    """Return the outbox position that a message names; None when another sender's, or no envelope at all."""
    try:
        envelope = Envelope[Message].model_validate_json(message.data)
    except ValidationError:
        return None
    ours = envelope.source == SOURCE_PREFIX + service and envelope.sequence
    return int(ours) if ours else None
