"""Clients show tokens of theirs again: to have them end (RFC 7009), or to learn what they are by now (RFC 7662)."""

from datetime import UTC, datetime
from uuid import UUID

from apps.identity.domain import refresh_tokens
from apps.identity.domain.clients import Client
from apps.identity.domain.presented_tokens import (
    NOT_ACTIVE,
    PresentedToken,
    described_refresh_token,
    read_access_token,
)
from apps.identity.domain.refresh_tokens import RefreshToken
from apps.identity.handlers.clients import authenticate_client
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.revoking import end_sessions
from apps.identity.store import sessions
from apps.identity.store.sessions import HeldSession
from contracts.identity import Done, Introspect, Introspection, RevocationReason, RevokeToken
from contracts.message import Envelope
from outbox.database import Database, Reads
from outbox.responder import Refused
from outbox.transaction import Transaction


async def revoke_token(parts: Parts, _database: Database, request: Envelope[RevokeToken]) -> Done:
    """End the session that a token is of; of one that is none, nothing is said (RFC 7009 §2.2).

    Raises Refused with `invalid_client`, `unauthorized_client` (another's token), `unsupported_token_type`.
    """
    refuse_late(request)
    sent = request.data
    async with parts.transactions.begin() as tx:
        client = await authenticate_client(tx, sent.client)
        held = await _session_of(parts, tx, client, sent.token.get_secret_value())
        if held is not None:
            if held.session.client_id != client.client_id:
                raise Refused("unauthorized_client", "The token was issued to another client.")
            user, reason = held.session.user, RevocationReason.TOKEN_REVOKED
            await end_sessions(parts, tx, [held.session.id], user, reason, origin=sent.origin, cause=request)
    return Done()


async def introspect(parts: Parts, database: Database, request: Envelope[Introspect]) -> Introspection:
    """Say what a token of the asking client is now; of any other, that it is not active.

    Raises Refused with `invalid_client`, also for a public client: anybody can say that they are it (RFC 7662 §2.1).
    """
    sent, now = request.data, datetime.now(UTC)
    token = sent.token.get_secret_value()
    async with database.reads() as reads:
        client = await authenticate_client(reads, sent.client)
        if not client.is_confidential:
            raise Refused("invalid_client", "Only a client with a secret may ask this.")
        presented = refresh_tokens.read(token)
        if presented is not None:
            return _of_refresh_token(parts, await sessions.by_id(reads, presented.session), presented, client, now)
        read = read_access_token(parts.issuer, token)
        if read is None or read.client_id != client.client_id:
            return NOT_ACTIVE
        return read.described if await _holds(parts, reads, read, now) else NOT_ACTIVE


async def _session_of(parts: Parts, tx: Transaction, client: Client, token: str) -> HeldSession | None:
    presented = refresh_tokens.read(token)
    if presented is not None:
        held = await _locked(tx, presented.session)
        is_ours = held is not None and refresh_tokens.is_genuine(parts.derivation, held.session, presented)
        return held if is_ours else None
    read = read_access_token(parts.issuer, token)
    if read is None:
        return None
    if read.client_id == client.client_id and read.session == client.id:
        detail = "A client's own access token is of no session; it ends with its time, or with the client."
        raise Refused("unsupported_token_type", detail)
    return await _locked(tx, read.session)


async def _locked(tx: Transaction, session: UUID) -> HeldSession | None:
    return (await sessions.locked(tx, [session])).get(session)


async def _holds(parts: Parts, reads: Reads, token: PresentedToken, now: datetime) -> bool:
    """Tell whether nothing has ended an access token: a client's own holds as long as the client, who is asking."""
    if token.version is None:
        return True
    held = await sessions.by_id(reads, token.session)
    return held is not None and held.version == token.version and _is_open(parts, held, now)


def _of_refresh_token(
    parts: Parts, held: HeldSession | None, token: RefreshToken, client: Client, now: datetime
) -> Introspection:
    if held is None or not refresh_tokens.is_genuine(parts.derivation, held.session, token):
        return NOT_ACTIVE
    is_present = token.generation == held.session.generation and held.session.client_id == client.client_id
    if not is_present or not _is_open(parts, held, now):
        return NOT_ACTIVE
    return described_refresh_token(held.session, parts.issuer.issuer, parts.lifetimes.idle)


def _is_open(parts: Parts, held: HeldSession, now: datetime) -> bool:
    """Tell whether a session holds; those of a deactivated user have ended (apps.identity.handlers.revoking)."""
    return held.session.holds(now, parts.lifetimes.idle)
