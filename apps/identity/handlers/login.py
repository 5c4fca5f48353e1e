"""Logging in with a password, at this API itself."""

from apps.identity.domain.scopes import scopes_of
from apps.identity.domain.sessions import NewSession
from apps.identity.handlers.authenticating import Credentials, authenticate, device_token
from apps.identity.handlers.lateness import refuse_late
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.sessions import begin_session
from contracts.identity import FIRST_PARTY_CLIENT, AccessToken, Login
from contracts.message import Envelope


async def login(parts: Parts, _database: object, request: Envelope[Login]) -> AccessToken:
    """Begin a session with all that the user's role may do.

    Raises Refused with `invalid_credentials`, `second_factor_required`, `too_many_attempts`, `overloaded` or
    `deadline_exceeded`.
    """
    refuse_late(request)
    asked = request.data
    presented = asked.device_token.get_secret_value() if asked.device_token else None
    credentials = Credentials(
        who=asked.email,
        password=asked.password.get_secret_value(),
        otp=asked.otp,
        recovery_code=asked.recovery_code.get_secret_value() if asked.recovery_code else None,
        device_token=presented,
    )
    authentication = await authenticate(parts, credentials, asked.origin)
    user = authentication.account
    begun = NewSession(authentication, FIRST_PARTY_CLIENT, scopes_of(user.role), asked.jkt, asked.origin)
    async with parts.transactions.begin() as tx:
        token = await begin_session(parts, tx, begun)
    return token.model_copy(update={"device_token": device_token(parts, user.id, presented)})
