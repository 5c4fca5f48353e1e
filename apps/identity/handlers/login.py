"""Logging in."""

from datetime import UTC, datetime

from apps.identity.domain.account import normalised
from apps.identity.domain.authentication import PASSWORD, Authentication
from apps.identity.domain.scopes import scopes_of
from apps.identity.domain.sessions import NewSession
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.sessions import begin_session
from apps.identity.store import accounts
from contracts.identity import FIRST_PARTY_CLIENT, AccessToken, Acr, Login
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused


async def login(parts: Parts, database: Database, request: Envelope[Login]) -> AccessToken:
    """Exchange e-mail and password for a token. Raises Refused with `invalid_credentials` or `deadline_exceeded`."""
    if request.is_late(datetime.now(UTC)):
        raise Refused("deadline_exceeded", "The request came too late to be worked on; send it again.")
    async with database.reads() as reads:
        account = await accounts.by_email(reads, normalised(request.data.email))
    known_hash = account.password_hash if account else None
    matches = await parts.passwords.verify(known_hash, request.data.password.get_secret_value())
    if account is None or not matches:
        raise Refused("invalid_credentials", "E-mail address or password is wrong.")
    authentication = Authentication(account, Acr.ONE_FACTOR, (PASSWORD,), datetime.now(UTC))
    async with parts.transactions.begin() as tx:
        scopes = scopes_of(account.role)
        return await begin_session(
            parts, tx, NewSession(authentication, FIRST_PARTY_CLIENT, scopes, request.data.jkt, request.data.origin)
        )
