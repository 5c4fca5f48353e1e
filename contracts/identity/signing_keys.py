"""The keys that sign access tokens: published first, then used, then good for checking only, then gone."""

from typing import Any

from pydantic import UUID7, AwareDatetime

from contracts.identity.shared import Origin
from contracts.message import Message, event, query


class SigningKeys(Message):
    """The public keys that verify access tokens, as a JWK set (RFC 7517 §5)."""

    keys: list[dict[str, Any]]


class SigningKey(Message):
    """A key: `signs_from` then until the next one's, and checks until no token of it can hold."""

    kid: str
    created_at: AwareDatetime
    signs_from: AwareDatetime
    signs_until: AwareDatetime | None = None
    checks_until: AwareDatetime | None = None


class SigningKeyList(Message):
    """All keys that sign, will sign or check, newest first."""

    keys: list[SigningKey]


@query("identity", "get_signing_keys", senders=("gateway",), answer=SigningKeys)
class GetSigningKeys(Message):
    """Read the JWK set that verifies access tokens."""


@query("identity", "list_signing_keys", senders=("gateway",), answer=SigningKeyList)
class ListSigningKeys(Message):
    """Read when each key signs and checks."""


@query("identity", "rotate_signing_key", senders=("gateway",), answer=SigningKey)
class RotateSigningKey(Message):
    """Make the next key, which signs as soon as every gateway can know it. Refused with `rotation_under_way`."""

    rotated_by: UUID7
    origin: Origin


@event("identity", "signing_key.published")
class SigningKeyPublished(Message):
    """A key will sign tokens from then on; `jwk` checks them."""

    kid: str
    jwk: dict[str, Any]
    signs_from: AwareDatetime
