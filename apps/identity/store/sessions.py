"""Sessions: who logged in through which client, and where their refresh tokens stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.identity.domain.sessions import OpenSession
from contracts.identity import Acr, RevocationReason, Role, Scope
from outbox.database import Reads, columns
from outbox.transaction import Transaction

DELETED_AT_ONCE = 10_000

_ADD = """
INSERT INTO user_session (id, user_id, client_id, scopes, jkt, salt, generation, acr, amr, authenticated_at,
                          sealed_origin, created_at, last_used_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
# In the order of their ids, as whoever locks several sessions does. Who is not active any more has none.
_PRESENTED = """
SELECT s.id, s.user_id, s.client_id, s.scopes, s.jkt, s.salt, s.generation, s.replaced, s.acr, s.amr,
       s.authenticated_at, s.created_at, s.last_used_at, s.expires_at, s.end_reason, a.role, a.version
FROM user_session s JOIN user_account a ON a.id = s.user_id AND a.status = 'active'
WHERE s.id = ANY($1::uuid[]) ORDER BY s.id FOR UPDATE OF s
"""
_BY_ID = """
SELECT s.id, s.user_id, s.client_id, s.scopes, s.jkt, s.salt, s.generation, s.replaced, s.acr, s.amr,
       s.authenticated_at, s.created_at, s.last_used_at, s.expires_at, s.end_reason, a.role, a.version
FROM user_session s JOIN user_account a ON a.id = s.user_id AND a.status = 'active' WHERE s.id = $1
"""
_REFRESHED = """
UPDATE user_session AS s
SET generation = r.generation, replaced = r.replaced::timestamptz[], last_used_at = r.last_used_at,
    ended_at = r.ended_at, end_reason = r.end_reason, expires_at = least(s.expires_at, r.ended_at)
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[])
     AS r (id, generation, replaced, last_used_at, ended_at, end_reason)
WHERE s.id = r.id
"""
_AUTHENTICATED_AGAIN = """
UPDATE user_session SET acr = $2, amr = $3, authenticated_at = $4, last_used_at = $5 WHERE id = $1
"""
_END = """
WITH ending AS MATERIALIZED (
    SELECT id FROM user_session
    WHERE user_id = $1 AND ended_at IS NULL AND ($2::uuid[] IS NULL OR id = ANY($2)) AND id IS DISTINCT FROM $3
    ORDER BY id FOR UPDATE
)
UPDATE user_session AS s SET ended_at = $4, end_reason = $5, expires_at = least(s.expires_at, $4)
FROM ending WHERE s.id = ending.id RETURNING s.id
"""
_END_OF_CLIENT = """
WITH ending AS MATERIALIZED (
    SELECT id FROM user_session WHERE client_id = $1 AND ended_at IS NULL ORDER BY id LIMIT $4 FOR UPDATE
)
UPDATE user_session AS s SET ended_at = $2, end_reason = $3, expires_at = least(s.expires_at, $2)
FROM ending WHERE s.id = ending.id RETURNING s.id
"""
_SURPLUS = """
SELECT id FROM user_session WHERE user_id = $1 AND ended_at IS NULL ORDER BY last_used_at DESC, id DESC OFFSET $2
"""
# Clients of others have a name in their row; their ids are UUIDs, that of the API's own client is not.
_OF_USER = """
SELECT s.id, s.client_id, c.name AS client_name, s.scopes, s.sealed_origin, s.created_at, s.last_used_at, s.expires_at
FROM user_session s
LEFT JOIN oauth_client c ON c.id = CASE WHEN s.client_id = $2 THEN NULL ELSE s.client_id::uuid END
WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $3 AND s.last_used_at > $4
ORDER BY s.last_used_at DESC, s.id DESC
"""
# A grant keeps the session that it gave until it goes itself.
_FORGET = """
DELETE FROM user_session WHERE id IN (
    SELECT id FROM user_session s
    WHERE expires_at < $1 AND NOT EXISTS (SELECT FROM authorization_grant g WHERE g.session_id = s.id)
    ORDER BY expires_at LIMIT $2)
"""


@dataclass(frozen=True)
class HeldSession:
    """A session with what its user is by now."""

    session: OpenSession
    role: Role
    version: int


@dataclass(frozen=True)
class ListedSession:
    """What a user is shown of a session; the name is None where it is through the API's own client."""

    id: UUID
    client_id: str
    client_name: str | None
    scopes: tuple[Scope, ...]
    sealed_origin: bytes | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


async def add(tx: Transaction, session: OpenSession, sealed_origin: bytes | None) -> None:
    """Add a session that begins."""
    await tx.execute(
        _ADD,
        session.id,
        session.user,
        session.client_id,
        session.scopes,
        session.jkt,
        session.salt,
        session.generation,
        session.acr.value,
        session.methods,
        session.authenticated_at,
        sealed_origin,
        session.created_at,
        session.last_used_at,
        session.expires_at,
    )


async def locked(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, HeldSession]:
    """Return sessions of active users by their ids, and keep others from changing them until this transaction ends."""
    return {row["id"]: _held(row) for row in await tx.fetch(_PRESENTED, sorted(set(ids)))}


async def by_id(reads: Reads, session: UUID) -> HeldSession | None:
    """Return a session."""
    row = await reads.fetchrow(_BY_ID, session)
    return None if row is None else _held(row)


async def save_refreshed(tx: Transaction, sessions: Sequence[OpenSession]) -> None:
    """Keep where the refresh tokens of locked sessions stand now, and which of the sessions have ended."""
    rows = [
        (
            session.id,
            session.generation,
            "{" + ",".join(at.isoformat() for at in session.replaced) + "}",
            session.last_used_at,
            tx.now if session.end_reason else None,
            session.end_reason and session.end_reason.value,
        )
        for session in sessions
    ]
    if rows:
        await tx.execute(_REFRESHED, *columns(rows, 6))


async def save_authenticated_again(tx: Transaction, session: OpenSession) -> None:
    """Keep how and when the user of a locked session has proven again who they are."""
    await tx.execute(
        _AUTHENTICATED_AGAIN,
        session.id,
        session.acr.value,
        session.methods,
        session.authenticated_at,
        session.last_used_at,
    )


async def end(
    tx: Transaction, user: UUID, ids: Sequence[UUID] | None, reason: RevocationReason, *, but: UUID | None
) -> list[UUID]:
    """End these sessions of a user, or all of them, but one; return those that had not ended."""
    asked = None if ids is None else list(ids)
    return [row["id"] for row in await tx.fetch(_END, user, asked, but, tx.now, reason.value)]


async def end_of_client(tx: Transaction, client_id: str, reason: RevocationReason, limit: int) -> list[UUID]:
    """End sessions through a client, at most `limit`; return them."""
    return [row["id"] for row in await tx.fetch(_END_OF_CLIENT, client_id, tx.now, reason.value, limit)]


async def surplus(tx: Transaction, user: UUID, most: int) -> list[UUID]:
    """Return the sessions of a user beyond the `most` that were used last."""
    return [row["id"] for row in await tx.fetch(_SURPLUS, user, most)]


async def of_user(
    reads: Reads, user: UUID, own_client: str, now: datetime, used_after: datetime
) -> list[ListedSession]:
    """Return the sessions of a user that hold, last used first."""
    return [
        ListedSession(
            id=row["id"],
            client_id=row["client_id"],
            client_name=row["client_name"],
            scopes=tuple(map(Scope, row["scopes"])),
            sealed_origin=row["sealed_origin"],
            created_at=row["created_at"],
            last_used_at=row["last_used_at"],
            expires_at=row["expires_at"],
        )
        for row in await reads.fetch(_OF_USER, user, own_client, now, used_after)
    ]


async def forget(tx: Transaction, expired_before: datetime) -> None:
    """Delete sessions that ended or expired before: a bounded number at a time."""
    await tx.execute(_FORGET, expired_before, DELETED_AT_ONCE)


def _held(row: asyncpg.Record) -> HeldSession:
    session = OpenSession(
        id=row["id"],
        user=row["user_id"],
        client_id=row["client_id"],
        scopes=tuple(map(Scope, row["scopes"])),
        jkt=row["jkt"],
        salt=row["salt"],
        generation=row["generation"],
        replaced=tuple(row["replaced"]),
        acr=Acr(row["acr"]),
        methods=tuple(row["amr"]),
        authenticated_at=row["authenticated_at"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        end_reason=RevocationReason(row["end_reason"]) if row["end_reason"] else None,
    )
    return HeldSession(session, Role(row["role"]), row["version"])
