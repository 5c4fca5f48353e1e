"""Identifiers: UUID version 7 (RFC 9562 §5.7), which sort by the time they were made."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7()


def derived_id(identifier: UUID, purpose: str) -> UUID:
    """Return the UUIDv7 that always follows from another one for some purpose; it carries the same instant."""
    digest = int.from_bytes(sha256(identifier.bytes + purpose.encode()).digest()[:10])
    random = digest & ~(0xF << 76) & ~(0b11 << 62)
    return UUID(int=(identifier.int >> 80 << 80) | (0x7 << 76) | (0b10 << 62) | random)


def made_at(identifier: UUID) -> datetime:
    """Return the instant (UTC, millisecond precision) that a UUIDv7 carries in its first 48 bits."""
    return datetime.fromtimestamp(made_at_seconds(identifier), tz=UTC)


def made_at_seconds(identifier: UUID) -> float:
    """Return that instant as seconds since 1970."""
    return (identifier.int >> 80) / 1000


def first_id_of(instant: datetime) -> UUID:
    """Return the smallest UUIDv7 that can carry `instant`: a bound for range partitions and cursors."""
    milliseconds = (instant - datetime.fromtimestamp(0, tz=UTC)) // timedelta(milliseconds=1)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))
