"""Refresh tokens: what becomes of a session when one is presented (OAuth 2.1 §4.3.1, RFC 9700 §4.14).

A token replaces the one before it. Who presents a token again shortly after it was replaced may just not have heard the
answer, and gets the identical successor; later, it is in the hands of two, and the session ends for both.

Tokens are derived, not kept: the text says which session and generation it is of, and a code proves that we wrote it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from apps.identity.domain.secret_tokens import Derivation
from apps.identity.domain.sessions import OpenSession
from contracts.identity import RevocationReason

PREFIX = "llr_"
GRACE = timedelta(seconds=10)
"""So long after it was replaced a token still gets its successor again."""
MOST_REPLACED = 32
"""A session is not refreshed more often than that within the grace, so that what is kept of it is bounded."""

_PURPOSE = "refresh_token"
_ID_BYTES, _GENERATION_BYTES = 16, 8
_NAMED = 32
"""The length of session and generation in base64: 24 bytes, so that nothing is padded."""


@dataclass(frozen=True)
class RefreshToken:
    """What a presented text says that it is; `code` is still to be checked."""

    session: UUID
    generation: int
    code: str


def read(text: str) -> RefreshToken | None:
    """Return what a text says that it is, None when it has not the form of a refresh token."""
    named, code = text[len(PREFIX) : len(PREFIX) + _NAMED], text[len(PREFIX) + _NAMED :]
    if not text.startswith(PREFIX) or len(named) != _NAMED or not text.isascii():
        return None
    try:
        content = urlsafe_b64decode(named)
    except NotBase64Error:
        return None
    if urlsafe_b64encode(content).decode() != named:
        return None
    return RefreshToken(UUID(bytes=content[:_ID_BYTES]), int.from_bytes(content[_ID_BYTES:], "big"), code)


def write(derivation: Derivation, session: OpenSession, generation: int) -> str:
    """Return the refresh token of one generation of a session: always the same text."""
    named = session.id.bytes + generation.to_bytes(_GENERATION_BYTES, "big")
    return PREFIX + urlsafe_b64encode(named).decode() + derivation.derive(_PURPOSE, named, session.salt)


def is_genuine(derivation: Derivation, session: OpenSession, token: RefreshToken) -> bool:
    """Tell whether we wrote this token: nobody can make up one, not even who knows the session's id."""
    named = token.session.bytes + token.generation.to_bytes(_GENERATION_BYTES, "big")
    return derivation.matches(token.code, _PURPOSE, named, session.salt)


class Verdict(StrEnum):
    """What a presented token gets: the next generation, the one that it got before, or no."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    NOT_VALID = "not_valid"
    TOO_QUICK = "too_quick"
    REUSED = "reused"


@dataclass(frozen=True)
class Decision:
    """What becomes of the session, and which generation its client gets, if any."""

    verdict: Verdict
    session: OpenSession
    successor: int | None = None


@dataclass(frozen=True)
class Presented:
    """A genuine token's generation, who presents it, and the DPoP key that they have proven to have, if any."""

    generation: int
    client_id: str
    jkt: str | None


def present(session: OpenSession, presented: Presented, now: datetime, idle: timedelta) -> Decision:
    """Decide about a genuine token. Of its session's kinds of trouble, the first one in this order counts."""
    if not session.holds(now, idle) or presented.generation > session.generation:
        # A generation that we have not given yet was given by a database that has since lost it.
        return Decision(Verdict.NOT_VALID, session)
    if not _is_of(session, presented):
        return _reused(session)
    if presented.generation == session.generation:
        return _rotated(session, now)
    if _is_graced(session, presented.generation, now):
        return Decision(Verdict.REPEATED, session, presented.generation + 1)
    return _reused(session)


def _is_of(session: OpenSession, presented: Presented) -> bool:
    """Tell whether the session's own client presents it; one bound to no key does not ask for one (RFC 9449 §5)."""
    return presented.client_id == session.client_id and session.jkt in {None, presented.jkt}


def _rotated(session: OpenSession, now: datetime) -> Decision:
    at = max(now, *session.replaced) if session.replaced else now  # clocks of replicas differ
    kept = tuple(instant for instant in session.replaced if at - instant <= GRACE)
    if len(kept) >= MOST_REPLACED:
        return Decision(Verdict.TOO_QUICK, session)
    successor = session.generation + 1
    used_at = max(now, session.last_used_at)
    rotated = replace(session, generation=successor, replaced=(*kept, at), last_used_at=used_at)
    return Decision(Verdict.ROTATED, rotated, successor)


def _is_graced(session: OpenSession, generation: int, now: datetime) -> bool:
    """Tell whether a generation before the present one was replaced a moment ago."""
    back = session.generation - generation
    return back <= len(session.replaced) and now - session.replaced[-back] <= GRACE


def _reused(session: OpenSession) -> Decision:
    return Decision(Verdict.REUSED, replace(session, end_reason=RevocationReason.REFRESH_TOKEN_REUSED))
