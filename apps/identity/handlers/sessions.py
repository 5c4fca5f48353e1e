"""Begins sessions, and lets their users prove again who they are."""

import secrets
from datetime import datetime
from uuid import UUID

from apps.identity.domain import refresh_tokens
from apps.identity.domain.account import Account
from apps.identity.domain.authentication import Authentication
from apps.identity.domain.origins import sealed_origin
from apps.identity.domain.scopes import narrowed
from apps.identity.domain.sessions import NewSession, OpenSession
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.revoking import end_sessions
from apps.identity.store import accounts, sessions
from contracts.identity import MOST_SESSIONS, AccessToken, RevocationReason, UserStatus
from contracts.ids import new_id
from outbox.responder import Refused
from outbox.transaction import Transaction

_SALT_BYTES = 16
_FIRST_GENERATION = 1


async def begin_session(parts: Parts, tx: Transaction, login: NewSession) -> AccessToken:
    """Begin a session, and return its first tokens; it is refused who has lost the right to it since they proved it.

    The account stays locked until the transaction ends, so that a change of its password ends this session too.
    Raises Refused with `invalid_credentials`.
    """
    account = await unchanged(tx, login.authentication.account)
    session = _opened(parts, login, account, tx.now)
    await sessions.add(tx, session, sealed_origin(parts.sealer, account.personal_key, login.origin))
    surplus = await sessions.surplus(tx, account.id, MOST_SESSIONS)
    if surplus:
        await end_sessions(parts, tx, surplus, account.id, RevocationReason.TOO_MANY_SESSIONS)
    token = parts.issuer.issue(session.grant(account.role, account.version), tx.now)
    refresh_token = refresh_tokens.write(parts.derivation, session, session.generation)
    given = {"session_id": session.id} | ({"refresh_token": refresh_token} if login.with_refresh_token else {})
    return token.model_copy(update=given)


async def authenticate_session(
    parts: Parts, tx: Transaction, session: UUID, authentication: Authentication
) -> AccessToken:
    """Note that a session's user has proven again who they are, and return a token that says so (RFC 9470).

    Raises Refused with `session_ended`.
    """
    account = await unchanged(tx, authentication.account)
    held = (await sessions.locked(tx, [session])).get(session)
    if held is None or held.session.user != account.id or not held.session.holds(tx.now, parts.lifetimes.idle):
        raise Refused("session_ended", "The session has ended; log in again.")
    renewed = held.session.authenticated_again(authentication, tx.now)
    await sessions.save_authenticated_again(tx, renewed)
    token = parts.issuer.issue(renewed.grant(account.role, account.version), tx.now)
    return token.model_copy(update={"session_id": session})


async def unchanged(tx: Transaction, proven: Account) -> Account:
    """Return an account, locked, as long as it is what was proven to be one's own. Raises `invalid_credentials`."""
    account = await accounts.locked(tx, proven.id)
    if account is None or account.status is not UserStatus.ACTIVE or _standing(account) != _standing(proven):
        raise Refused("invalid_credentials", "The account has changed meanwhile; log in again.")
    return account


def _standing(account: Account) -> tuple[int, str | None]:
    """Return what a login rests on: what the user may do, and the password that was proven."""
    return account.version, account.password_hash


def _opened(parts: Parts, login: NewSession, account: Account, now: datetime) -> OpenSession:
    return OpenSession(
        id=new_id(),
        user=account.id,
        client_id=login.client_id,
        scopes=narrowed(account.role, login.scopes),
        jkt=login.jkt,
        salt=secrets.token_bytes(_SALT_BYTES),
        generation=_FIRST_GENERATION,
        replaced=(),
        acr=login.authentication.acr,
        methods=login.authentication.methods,
        authenticated_at=login.authentication.at,
        created_at=now,
        last_used_at=now,
        expires_at=now + (parts.lifetimes.session if login.with_refresh_token else parts.issuer.lifetime),
    )
