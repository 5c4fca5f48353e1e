"""Logging in, and the keys that check what a login gave."""

from datetime import UTC, datetime

from apps.identity.domain.account import normalised
from apps.identity.handlers.parts import Parts
from apps.identity.store import accounts
from contracts.identity import AccessToken, GetSigningKeys, Login, SigningKeys
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
    return parts.issuer.issue(account, datetime.now(UTC))


async def get_signing_keys(parts: Parts, _database: Database, _request: Envelope[GetSigningKeys]) -> SigningKeys:
    """Return the JWK set that verifies access tokens."""
    return SigningKeys(keys=[parts.issuer.key.public_jwk])
