"""Stepping up: who is logged in proves again who they are, and their session's tokens say so (RFC 9470)."""

from typing import Any
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.domain.authentication import ONE_TIME_CODE, PASSKEY, TWO_FACTORS, Authentication
from apps.identity.domain.sessions import OpenSession
from apps.identity.handlers import guessing
from apps.identity.handlers.authenticating import Credentials, authenticate
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passkeys import authenticated_by_passkey
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.second_factors import check_second_factor
from apps.identity.handlers.sessions import authenticate_session
from apps.identity.store import accounts, attempts, sessions
from contracts.identity import FIRST_PARTY_CLIENT, AccessToken, Acr, SecurityEventKind, StepUp
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction


async def step_up(parts: Parts, _database: Database, request: Envelope[StepUp]) -> AccessToken:
    """Return a token of the same session with a new `auth_time`.

    A passkey is two factors. A password is one, and needs its second where the account has one; a one-time code alone
    is the second of a session that began with the first. Raises Refused with `invalid_credentials`,
    `second_factor_required`, `too_many_attempts`, `overloaded`, `session_ended`, `not_permitted`.
    """
    refuse_late(request)
    asked = request.data
    session = await _session(parts, asked)
    if asked.credential is not None and asked.challenge_id is not None:
        return await _by_passkey(parts, asked, asked.challenge_id, asked.credential)
    if asked.password is not None:
        return await _by_password(parts, asked, asked.password.get_secret_value())
    if asked.otp is not None:
        return await _by_code(parts, asked, asked.otp, session)
    raise Refused("invalid_credentials", "Give a password, a one-time code or a passkey's answer.")


async def _session(parts: Parts, asked: StepUp) -> OpenSession:
    """Return the session, before anything is guessed at. Those of other programs ask at the authorization page."""
    async with parts.transactions.begin() as tx:
        held = (await sessions.locked(tx, [asked.session])).get(asked.session)
        if held is None or held.session.user != asked.user or not held.session.holds(tx.now, parts.lifetimes.idle):
            raise Refused("session_ended", "The session has ended; log in again.")
        if held.session.client_id != FIRST_PARTY_CLIENT:
            raise Refused("not_permitted", "This client must send its user to the authorization page again.")
        return held.session


async def _by_passkey(parts: Parts, asked: StepUp, challenge_id: UUID, credential: dict[str, Any]) -> AccessToken:
    async with parts.transactions.begin() as tx:
        account = await authenticated_by_passkey(parts, tx, challenge_id, credential)
        if account is None or account.id != asked.user:
            raise Refused("invalid_credentials", "This is no answer of one of your passkeys; begin anew.")
        authentication = Authentication(account, Acr.TWO_FACTORS, (PASSKEY, TWO_FACTORS), tx.now)
        return await _stepped_up(parts, tx, asked, authentication)


async def _by_password(parts: Parts, asked: StepUp, password: str) -> AccessToken:
    credentials = Credentials(asked.user, password, asked.otp)
    kind = SecurityEventKind.STEPPED_UP
    authentication = await authenticate(parts, credentials, asked.origin, recorded_as=kind)
    async with parts.transactions.begin() as tx:
        return await authenticate_session(parts, tx, asked.session, authentication)


async def _by_code(parts: Parts, asked: StepUp, code: str, session: OpenSession) -> AccessToken:
    async with parts.transactions.begin() as tx:
        account = await _account(tx, asked.user)
    guess = await guessing.begin_code(parts, account)
    async with parts.transactions.begin() as tx:
        account = await _account(tx, asked.user)
        if await check_second_factor(parts, tx, account, code, None) is None:
            raise Refused("invalid_credentials", "One-time codes are not enabled; give the password.", "password")
        await attempts.forget(tx, [guess])
        methods = tuple(dict.fromkeys((*session.methods, ONE_TIME_CODE, TWO_FACTORS)))
        authentication = Authentication(account, Acr.TWO_FACTORS, methods, tx.now)
        return await _stepped_up(parts, tx, asked, authentication)


async def _account(tx: Transaction, user: UUID) -> Account:
    account = await accounts.locked(tx, user)
    if account is None:
        raise Refused("session_ended", "The session has ended; log in again.")
    return account


async def _stepped_up(parts: Parts, tx: Transaction, asked: StepUp, authentication: Authentication) -> AccessToken:
    token = await authenticate_session(parts, tx, asked.session, authentication)
    happening = Happening(SecurityEventKind.STEPPED_UP, authentication.account, asked.origin, about=str(asked.session))
    await record(tx, parts.sealer, [happening])
    return token
