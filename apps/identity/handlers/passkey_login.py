"""Logging in with a passkey: one gesture, two factors, and no address to type."""

from apps.identity.domain.authentication import PASSKEY, TWO_FACTORS, Authentication
from apps.identity.domain.scopes import scopes_of
from apps.identity.domain.sessions import NewSession
from apps.identity.handlers.authenticating import device_token
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passkeys import authenticated_by_passkey
from apps.identity.handlers.recording import Happening, record
from apps.identity.handlers.sessions import begin_session
from contracts.identity import (
    FIRST_PARTY_CLIENT,
    AccessToken,
    Acr,
    LoginWithPasskey,
    SecurityEventKind,
    UserStatus,
)
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused


async def login_with_passkey(parts: Parts, _database: Database, request: Envelope[LoginWithPasskey]) -> AccessToken:
    """Begin a session. Raises Refused with `invalid_credentials`, whatever is wrong with the passkey's answer."""
    refuse_late(request)
    asked = request.data
    async with parts.transactions.begin() as tx:
        account = await authenticated_by_passkey(parts, tx, asked.challenge_id, asked.credential)
        if account is None or account.status is not UserStatus.ACTIVE:
            raise Refused("invalid_credentials", "This is no answer of a passkey that is known here; begin anew.")
        authentication = Authentication(account, Acr.TWO_FACTORS, (PASSKEY, TWO_FACTORS), tx.now)
        login = NewSession(authentication, FIRST_PARTY_CLIENT, scopes_of(account.role), asked.jkt, asked.origin)
        token = await begin_session(parts, tx, login)
        happening = Happening(SecurityEventKind.LOGGED_IN, account, asked.origin, about=str(token.session_id))
        await record(tx, parts.sealer, [happening])
    return token.model_copy(update={"device_token": device_token(parts, account.id)})
