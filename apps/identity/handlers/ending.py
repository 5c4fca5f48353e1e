"""Users end their sessions: one of them, or all but their own; what has ended is forgotten in time."""

from datetime import timedelta

from apps.identity.domain.access_tokens import oldest_revocation
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.revoking import end_sessions
from apps.identity.store import revocations, sessions
from contracts.identity import Done, EndSession, EndSessions, RevocationReason
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction

_KEPT = timedelta(days=1)


async def end_session(parts: Parts, _database: Database, request: Envelope[EndSession]) -> Done:
    """End one session of a user. Raises Refused with `session_not_found` or `deadline_exceeded`."""
    refuse_late(request)
    asked, reason = request.data, RevocationReason.LOGGED_OUT
    async with parts.transactions.begin() as tx:
        ended = await end_sessions(parts, tx, [asked.session], asked.user, reason, origin=asked.origin, cause=request)
    if not ended:
        raise Refused("session_not_found", "No session with this id is open.", "session_id")
    return Done()


async def end_other_sessions(parts: Parts, _database: Database, request: Envelope[EndSessions]) -> Done:
    """End all sessions of a user, but the one that is excepted. Raises Refused with `deadline_exceeded`."""
    refuse_late(request)
    asked, reason = request.data, RevocationReason.LOGGED_OUT
    async with parts.transactions.begin() as tx:
        await end_sessions(
            parts, tx, None, asked.user, reason, except_session=asked.except_session, origin=asked.origin, cause=request
        )
    return Done()


async def forget_ended(parts: Parts, tx: Transaction) -> None:
    """Forget revocations that concern no token any more, and sessions that ended or expired a while ago."""
    await revocations.forget(tx, oldest_revocation(tx.now, parts.issuer.lifetime))
    await sessions.forget(tx, tx.now - _KEPT)
