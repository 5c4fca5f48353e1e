"""What users were asked to allow, from signing in to the code's end.

It is kept for a day more, so that a code that is presented again is known for what it is.
"""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from apps.identity.domain.authorization import Grant
from contracts.identity import Acr, Scope
from outbox.transaction import Transaction

KEPT = timedelta(days=1)
DELETED_AT_ONCE = 10_000

_ADD = """
INSERT INTO authorization_grant (id, ticket_hash, user_id, version, client_id, redirect_uri, state, scopes,
                                 code_challenge, acr, amr, authenticated_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_BY_TICKET = """
SELECT id, user_id, version, client_id, redirect_uri, state, scopes, code_challenge, acr, amr, authenticated_at,
       expires_at, answered_at, redeemed_at, session_id
FROM authorization_grant WHERE ticket_hash = $1 FOR UPDATE
"""
_BY_CODE = """
SELECT id, user_id, version, client_id, redirect_uri, state, scopes, code_challenge, acr, amr, authenticated_at,
       expires_at, answered_at, redeemed_at, session_id
FROM authorization_grant WHERE code_hash = $1 FOR UPDATE
"""
_ANSWER = "UPDATE authorization_grant SET answered_at = $2, code_hash = $3, expires_at = $4 WHERE id = $1"
_REDEEM = "UPDATE authorization_grant SET redeemed_at = $2, session_id = $3 WHERE id = $1"
_REMOVE_OF_USER = "DELETE FROM authorization_grant WHERE user_id = $1 AND redeemed_at IS NULL"
_FORGET = """
DELETE FROM authorization_grant
WHERE id IN (SELECT id FROM authorization_grant WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
"""


async def add(tx: Transaction, grant: Grant, ticket_hash: bytes) -> None:
    """Add what a user is asked."""
    await tx.execute(
        _ADD,
        grant.id,
        ticket_hash,
        grant.user,
        grant.version,
        grant.client,
        grant.redirect_uri,
        grant.state,
        grant.scopes,
        grant.code_challenge,
        grant.acr.value,
        grant.methods,
        grant.authenticated_at,
        grant.expires_at,
    )


async def by_ticket(tx: Transaction, ticket_hash: bytes) -> Grant | None:
    """Return what a ticket stands for; others who present it wait until this transaction ends."""
    return _grant(await tx.fetchrow(_BY_TICKET, ticket_hash))


async def by_code(tx: Transaction, code_hash: bytes) -> Grant | None:
    """Return what a code stands for; others who present it wait until this transaction ends."""
    return _grant(await tx.fetchrow(_BY_CODE, code_hash))


async def answer(tx: Transaction, grant: UUID, code_hash: bytes | None, expires_at: datetime) -> None:
    """Note that the user has answered; from now on the code stands for it, if there is one."""
    await tx.execute(_ANSWER, grant, tx.now, code_hash, expires_at)


async def redeem(tx: Transaction, grant: UUID, session: UUID) -> None:
    """Note which session a code was exchanged for."""
    await tx.execute(_REDEEM, grant, tx.now, session)


async def remove_of_user(tx: Transaction, user: UUID) -> None:
    """Delete the tickets and codes of a user that have given nothing yet. Lock the user's account first."""
    await tx.execute(_REMOVE_OF_USER, user)


async def forget(tx: Transaction) -> None:
    """Delete what ended a day ago: a bounded number at a time."""
    await tx.execute(_FORGET, tx.now - KEPT, DELETED_AT_ONCE)


def _grant(row: asyncpg.Record | None) -> Grant | None:
    if row is None:
        return None
    return Grant(
        id=row["id"],
        user=row["user_id"],
        version=row["version"],
        client=row["client_id"],
        redirect_uri=row["redirect_uri"],
        state=row["state"],
        scopes=tuple(map(Scope, row["scopes"])),
        code_challenge=row["code_challenge"],
        acr=Acr(row["acr"]),
        methods=tuple(row["amr"]),
        authenticated_at=row["authenticated_at"],
        expires_at=row["expires_at"],
        answered_at=row["answered_at"],
        redeemed_at=row["redeemed_at"],
        session=row["session_id"],
    )
