"""API keys: making, rotating and ending them. A key can do what it was made for and its owner still may."""

from datetime import datetime
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.domain.api_keys import OwnedKey, fresh_key, prefix_of, replaced_until
from apps.identity.domain.scopes import narrowed
from apps.identity.domain.secret_tokens import token_hash
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.owners import locked_owner
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import revoke_grants
from apps.identity.store import api_keys
from contracts.identity import (
    MOST_KEYS,
    CreateApiKey,
    Done,
    NewApiKey,
    Origin,
    RevocationReason,
    RevokeApiKey,
    RotateApiKey,
    Scope,
    SecurityEventKind,
)
from contracts.ids import new_id
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction


async def create_api_key(parts: Parts, _database: Database, request: Envelope[CreateApiKey]) -> NewApiKey:
    """Make a key. Raises Refused with `scope_not_granted`, `expiry_in_past`, `too_many_keys`."""
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        owner = await locked_owner(tx, asked.owner)
        scopes = narrowed(owner.role, asked.scopes)
        if set(scopes) != set(asked.scopes):
            raise Refused("scope_not_granted", "A key cannot do more than its owner may.", "scopes")
        if asked.expires_at is not None and asked.expires_at <= tx.now:
            raise Refused("expiry_in_past", "The key would have expired already.", "expires_at")
        made = await _add(tx, owner, asked.name, scopes, asked.expires_at)
        await _record(parts, tx, SecurityEventKind.API_KEY_CREATED, owner, asked.origin, made.key.id)
    return made


async def rotate_api_key(parts: Parts, _database: Database, request: Envelope[RotateApiKey]) -> NewApiKey:
    """Make a key in place of another. Raises Refused with `api_key_not_found`, `too_many_keys`."""
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        owner = await locked_owner(tx, asked.owner)
        replaced = await api_keys.locked(tx, asked.key, owner.id)
        if replaced is None:
            raise _not_found()
        if asked.overlap_hours:
            await api_keys.limit(tx, replaced.id, replaced_until(replaced.expires_at, asked.overlap_hours, tx.now))
        else:
            await _end(tx, replaced.id, owner.id, request)
        made = await _add(tx, owner, replaced.name, replaced.scopes, replaced.expires_at)
        await _record(parts, tx, SecurityEventKind.API_KEY_ROTATED, owner, asked.origin, replaced.id)
    return made


async def revoke_api_key(parts: Parts, _database: Database, request: Envelope[RevokeApiKey]) -> Done:
    """End a key at once, everywhere. Raises Refused with `api_key_not_found`."""
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        owner = await locked_owner(tx, asked.owner)
        await _end(tx, asked.key, owner.id, request)
        await _record(parts, tx, SecurityEventKind.API_KEY_REVOKED, owner, asked.origin, asked.key)
    return Done()


async def _add(
    tx: Transaction, owner: Account, name: str, scopes: tuple[Scope, ...], expires_at: datetime | None
) -> NewApiKey:
    if await api_keys.count_unexpired(tx, owner.id) >= MOST_KEYS:
        raise Refused("too_many_keys", f"An owner has at most {MOST_KEYS} keys; revoke one first.")
    secret = fresh_key()
    key = OwnedKey(new_id(), owner.id, name, prefix_of(secret), scopes, tx.now, expires_at)
    await api_keys.add(tx, key, token_hash(secret))
    return NewApiKey(key=key.shown, secret=secret)


async def _end(tx: Transaction, key: UUID, owner: UUID, cause: Envelope[RotateApiKey] | Envelope[RevokeApiKey]) -> None:
    if not await api_keys.remove(tx, key, owner):
        raise _not_found()
    await revoke_grants(tx, owner, [key], RevocationReason.KEY_REVOKED, cause)


async def _record(
    parts: Parts, tx: Transaction, kind: SecurityEventKind, owner: Account, origin: Origin, key: UUID
) -> None:
    await record(tx, parts.sealer, [Happening(kind, owner, origin, about=str(key))])


def _not_found() -> Refused:
    return Refused("api_key_not_found", "There is no such API key.")
