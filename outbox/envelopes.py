"""Writes envelopes: the same JSON as `Envelope.encode`, without making a model of what is only written once."""

from datetime import UTC, datetime
from uuid import UUID

import orjson

from contracts.message import SOURCE_PREFIX, Message

_UTC = orjson.OPT_UTC_Z


def data_json(message: Message) -> bytes:
    """Return a message as the `data` of its envelope; what is not set is left out."""
    return message.__pydantic_serializer__.to_json(message, exclude_none=True)


def envelope_json(
    identifier: UUID,
    service: str,
    kind: type[Message],
    data: bytes,
    *,
    correlation: str | None,
    causation: UUID | None,
    traceparent: str | None,
    replyto: str | None,
) -> bytes:
    """Return the structured-mode JSON of an envelope that is said now; without `correlation`, its own id stands there.

    The attributes are trusted: they come from envelopes that were checked, or from our own code.
    """
    attributes = {
        "specversion": "1.0",
        "id": identifier,
        "source": SOURCE_PREFIX + service,
        "type": kind.contract.type,
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
        "correlationid": correlation if correlation is not None else identifier,
    }
    if causation is not None:
        attributes["causationid"] = causation
    if traceparent is not None:
        attributes["traceparent"] = traceparent
    if replyto is not None:
        attributes["replyto"] = replyto
    return b'%b,"data":%b}' % (orjson.dumps(attributes, str, _UTC)[:-1], data)
