"""Tokens of devices that have logged in before: derived for one user, so that nothing is kept of them.

A device's token lets it guess on a count of its own; it proves nothing else, and opens nothing.
"""

from os import urandom
from uuid import UUID

from apps.identity.domain.secret_tokens import Derivation, base64url

_PREFIX = "lld_"
_PURPOSE = "device"
_ID_BYTES = 16


def fresh_device_token(derivation: Derivation, user: UUID) -> str:
    """Return the token of another device of this user."""
    device = base64url(urandom(_ID_BYTES))
    return f"{_PREFIX}{device}.{derivation.derive(_PURPOSE, user.bytes, device.encode())}"


def known_device(derivation: Derivation, user: UUID, presented: str) -> str | None:
    """Return which of the user's devices a token is of, None when it is of none."""
    device, _, proof = presented.removeprefix(_PREFIX).partition(".")
    genuine = derivation.matches(proof, _PURPOSE, user.bytes, device.encode())
    return device if genuine and presented.startswith(_PREFIX) else None
