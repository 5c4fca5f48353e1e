"""Exchanges refresh tokens for their successors: all requests that wait at the same time, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil
from uuid import UUID

from prometheus_client import Counter

from apps.identity.domain import refresh_tokens
from apps.identity.domain.access_tokens import Grant
from apps.identity.domain.refresh_tokens import Decision, Presented, RefreshToken, Verdict
from apps.identity.domain.sessions import OpenSession
from apps.identity.handlers.clients import authenticate_client
from apps.identity.handlers.lateness import too_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.revoking import revoke_grants
from apps.identity.store import accounts, sessions
from apps.identity.store.sessions import HeldSession
from contracts.identity import (
    AccessToken,
    ClientAuthentication,
    Refresh,
    RefreshTokenReused,
    RevocationReason,
    Scope,
    SecurityEventKind,
)
from contracts.message import Envelope
from outbox.database import Database, Reads
from outbox.responder import Refused
from outbox.transaction import Transaction

_PRESENTED = Counter("ledgerlink_refresh_tokens_presented_total", "Refresh tokens, by what they got", ["verdict"])
_NOT_VALID = "The refresh token is not valid, or not any more; log in again."
_Client = str | Refused
"""The client's id once it has proven who it is, or why it has not."""


@dataclass(frozen=True)
class _Given:
    """What a client gets once all is committed."""

    grant: Grant
    refresh_token: str


@dataclass
class _Turn:
    """The sessions of a batch as they stand after each of its requests; `changed` is what is to be kept of them."""

    now: datetime
    held: dict[UUID, HeldSession]
    changed: dict[UUID, OpenSession] = field(default_factory=dict)
    reused: list[tuple[Envelope[Refresh], OpenSession]] = field(default_factory=list)

    def take(self, request: Envelope[Refresh], held: HeldSession, decision: Decision) -> None:
        """Let a decision count."""
        _PRESENTED.labels(decision.verdict.value).inc()
        session = decision.session
        if session is not held.session:
            self.held[session.id] = replace(held, session=session)
            self.changed[session.id] = session
        if decision.verdict is Verdict.REUSED:
            self.reused.append((request, session))


async def refresh(
    parts: Parts, _database: Database, requests: Sequence[Envelope[Refresh]]
) -> list[AccessToken | Refused]:
    """Answer requests, each as if it had come alone, in their order.

    Refused with `invalid_grant`, `invalid_client`, `invalid_scope`, `too_many_attempts`, `deadline_exceeded`.
    """
    presented = [refresh_tokens.read(request.data.refresh_token.get_secret_value()) for request in requests]
    async with parts.transactions.begin() as tx:
        parts.issuer.keyring.signing(tx.now)  # nothing is replaced for tokens that cannot be signed
        clients = await _clients(tx, requests)
        turn = _Turn(tx.now, await sessions.locked(tx, [token.session for token in presented if token]))
        pairs = zip(requests, presented, strict=True)
        decided = [_decided(parts, turn, clients[_named(request)], request, token) for request, token in pairs]
        await _save(parts, tx, turn)
    return [answer if isinstance(answer, Refused) else _issued(parts, answer, tx.now) for answer in decided]


def _named(request: Envelope[Refresh]) -> ClientAuthentication:
    return ClientAuthentication(client_id=request.data.client_id, client_secret=request.data.client_secret)


async def _clients(reads: Reads, requests: Sequence[Envelope[Refresh]]) -> Mapping[ClientAuthentication, _Client]:
    """Authenticate each client of the batch once."""
    known: dict[ClientAuthentication, _Client] = {}
    for named in map(_named, requests):
        if named not in known:
            try:
                known[named] = (await authenticate_client(reads, named)).client_id
            except Refused as refused:
                known[named] = refused
    return known


def _decided(
    parts: Parts, turn: _Turn, client: _Client, request: Envelope[Refresh], token: RefreshToken | None
) -> _Given | Refused:
    """Decide about one request, upon what the ones before it in the batch have made of its session."""
    if request.is_late(turn.now):
        return too_late()
    if isinstance(client, Refused):
        return client
    held = turn.held.get(token.session) if token else None
    if token is None or held is None or not refresh_tokens.is_genuine(parts.derivation, held.session, token):
        return _refused(Verdict.NOT_VALID)
    scopes = _scopes(held.session, request.data.scope)
    presented = Presented(token.generation, client, request.data.jkt)
    decision = refresh_tokens.present(held.session, presented, turn.now, parts.lifetimes.idle)
    if scopes is None and decision.successor is not None:
        return Refused("invalid_scope", "The session allows less than that.", "scope")
    turn.take(request, held, decision)
    if decision.successor is None:
        return _refused(decision.verdict)
    successor = refresh_tokens.write(parts.derivation, held.session, decision.successor)
    return _Given(held.session.grant(held.role, held.version, scopes), successor)


def _refused(verdict: Verdict) -> Refused:
    if verdict is Verdict.TOO_QUICK:
        seconds = ceil(refresh_tokens.GRACE.total_seconds())
        detail = "The session is refreshed too often; wait some seconds."
        return Refused("too_many_attempts", detail, retry_after=seconds)
    return Refused("invalid_grant", _NOT_VALID)


def _scopes(session: OpenSession, asked: str | None) -> tuple[Scope, ...] | None:
    """Return the scopes of the access token: all of the session, or fewer where it asks for them (RFC 6749 §6)."""
    if asked is None:
        return session.scopes
    names = set(asked.split())
    return tuple(scope for scope in session.scopes if scope in names) if names <= set(session.scopes) else None


async def _save(parts: Parts, tx: Transaction, turn: _Turn) -> None:
    await sessions.save_refreshed(tx, list(turn.changed.values()))
    if not turn.reused:
        return
    users = await accounts.by_ids(tx, [session.user for _, session in turn.reused])
    happenings = []
    for request, session in turn.reused:
        await revoke_grants(tx, session.user, [session.id], RevocationReason.REFRESH_TOKEN_REUSED, request)
        said = RefreshTokenReused(
            session_id=session.id, user_id=session.user, client_id=session.client_id, detected_at=tx.now
        )
        tx.say(said, request)
        account, origin = users.get(session.user), request.data.origin
        happenings.append(Happening(SecurityEventKind.REFRESH_TOKEN_REUSED, account, origin, about=str(session.id)))
    await record(tx, parts.sealer, happenings)


def _issued(parts: Parts, given: _Given, now: datetime) -> AccessToken:
    token = parts.issuer.issue(given.grant, now)
    return token.model_copy(update={"refresh_token": given.refresh_token, "session_id": given.grant.id})
