"""Ends access before its time: in the transaction of the change that ends it, so that neither is without the other."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.store import accounts, revocations, sessions
from contracts.identity import AccessRevoked, Origin, RevocationReason, SecurityEventKind
from outbox.transaction import Cause, Transaction

MOST_AT_ONCE = 5000
"""Sessions of a client that end in one transaction; an event names them all."""


async def end_sessions(
    parts: Parts,
    tx: Transaction,
    ids: Sequence[UUID] | None,
    user: UUID,
    reason: RevocationReason,
    *,
    except_session: UUID | None = None,
    origin: Origin | None = None,
    cause: Cause | None = None,
) -> list[UUID]:
    """End these sessions of a user, or all (None), but one; return those that had not ended before."""
    ended = await sessions.end(tx, user, ids, reason, but=except_session)
    if not ended:
        return []
    await revoke_grants(tx, user, ended, reason, cause)
    account = await accounts.by_id(tx, user)
    kind = SecurityEventKind.SESSION_ENDED
    await record(tx, parts.sealer, [Happening(kind, account, origin, about=str(session)) for session in ended])
    return ended


async def end_client_sessions(
    tx: Transaction, client_id: str, reason: RevocationReason, cause: Cause | None = None
) -> bool:
    """End the sessions that users have through a client, many at a time; tell whether there may be more."""
    ended = await sessions.end_of_client(tx, client_id, reason, MOST_AT_ONCE)
    await revoke_grants(tx, None, ended, reason, cause)
    return len(ended) == MOST_AT_ONCE


async def end_sessions_through(parts: Parts, client: UUID, cause: Cause) -> None:
    """End all sessions that users have through a client which is gone, in as many transactions as that takes."""
    more = True
    while more:
        async with parts.transactions.begin() as tx:
            more = await end_client_sessions(tx, str(client), RevocationReason.CLIENT_DELETED, cause)


async def revoke_grants(
    tx: Transaction,
    user: UUID | None,
    grants: Sequence[UUID],
    reason: RevocationReason,
    cause: Cause | None = None,
) -> None:
    """Let no access token hold that was issued for these: sessions, API keys or clients of their own."""
    if not grants:
        return
    await revocations.add_grants(tx, grants)
    tx.say(AccessRevoked(user_id=user, grants=list(grants), reason=reason, revoked_at=tx.now), cause)


async def revoke_user(
    parts: Parts, tx: Transaction, account: Account, reason: RevocationReason, cause: Cause | None = None
) -> Account:
    """End all sessions of a locked account, and let none of the tokens hold that it has; return its next version."""
    changed = replace(account, version=await accounts.next_version(tx, account.id))
    await end_sessions(parts, tx, None, account.id, reason, cause=cause)
    await revocations.add_version(tx, account.id, changed.version)
    tx.say(AccessRevoked(user_id=account.id, version=changed.version, reason=reason, revoked_at=tx.now), cause)
    return changed
