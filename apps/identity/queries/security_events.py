"""Reads the security log; where things came from is opened with each user's own key, as long as there is one."""

from apps.identity.domain.origins import opened_origin
from apps.identity.domain.sealing import Sealer
from apps.identity.store import security_events
from contracts.identity import ListSecurityEvents, SecurityEvent, SecurityEventPage
from contracts.message import Envelope
from outbox.database import Database


async def list_security_events(
    sealer: Sealer, database: Database, request: Envelope[ListSecurityEvents]
) -> SecurityEventPage:
    """Return security events, newest first."""
    asked = request.data
    async with database.reads() as reads:
        found = await security_events.page(reads, asked.user, asked.kind, asked.before, asked.limit + 1)
    events = [_opened(sealer, logged) for logged in found[: asked.limit]]
    return SecurityEventPage(events=events, next_before=events[-1].id if len(found) > asked.limit else None)


def _opened(sealer: Sealer, logged: security_events.Logged) -> SecurityEvent:
    origin = opened_origin(sealer, logged.personal_key, logged.sealed_origin)
    return SecurityEvent(
        id=logged.id,
        kind=logged.kind,
        at=logged.at,
        user=logged.user,
        actor=logged.actor,
        about=logged.about,
        address=origin and origin.address,
        user_agent=origin and origin.user_agent,
    )
