"""Shows users their sessions, and gateways what has been revoked."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from apps.identity.domain.access_tokens import oldest_revocation
from apps.identity.domain.origins import opened_origin
from apps.identity.domain.scopes import written
from apps.identity.domain.sealing import Sealer
from apps.identity.store import accounts, revocations, sessions
from apps.identity.store.sessions import ListedSession
from contracts.identity import (
    FIRST_PARTY_CLIENT,
    MOST_REVOCATIONS,
    GetRevocations,
    ListSessions,
    Origin,
    Revocations,
    Session,
    Sessions,
)
from contracts.message import Envelope
from outbox.database import Database

_OWN_NAME = "LedgerLink"
_FIRST = UUID(int=0)
_NOT_KNOWN = Origin(address="")


async def list_sessions(
    sealer: Sealer, idle: timedelta, database: Database, request: Envelope[ListSessions]
) -> Sessions:
    """Return a user's sessions, last used first."""
    asked, now = request.data, datetime.now(UTC)
    async with database.reads() as reads:
        account = await accounts.by_id(reads, asked.user)
        rows = await sessions.of_user(reads, asked.user, FIRST_PARTY_CLIENT, now, now - idle)
    key = account.personal_key if account else None
    return Sessions(sessions=[_shown(sealer, row, key, asked.current) for row in rows])


async def get_revocations(
    token_lifetime: timedelta, database: Database, request: Envelope[GetRevocations]
) -> Revocations:
    """Return what was revoked since then, as far as an access token of before could still hold."""
    now = datetime.now(UTC)
    oldest = oldest_revocation(now, token_lifetime)
    since = max(request.data.since or oldest, oldest)
    async with database.reads() as reads:
        found = await revocations.since(reads, since, request.data.after or _FIRST, MOST_REVOCATIONS + 1)
    return Revocations(revocations=found[:MOST_REVOCATIONS], as_of=now, has_more=len(found) > MOST_REVOCATIONS)


def _shown(sealer: Sealer, row: ListedSession, personal_key: bytes | None, current: UUID | None) -> Session:
    origin = opened_origin(sealer, personal_key, row.sealed_origin) or _NOT_KNOWN
    return Session(
        id=row.id,
        client_id=row.client_id,
        client_name=row.client_name or _OWN_NAME,
        device=origin.user_agent,
        address=origin.address,
        scope=written(row.scopes),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        current=row.id == current,
    )
