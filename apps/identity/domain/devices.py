"""Tokens of devices that have logged in before: derived for one user, so that nothing is kept of them.

A device's token lets it guess on a count of its own; it proves nothing else, and opens nothing.
"""

from base64 import urlsafe_b64encode
from os import urandom
from uuid import UUID

from apps.identity.domain.secret_tokens import Derivation

_PREFIX = "lld_"
_PURPOSE = "device"
_ID_BYTES = 16


def fresh_device_token(derivation: Derivation, user: UUID) -> str:
    """Return the token of another device of this user."""
    device = urlsafe_b64encode(urandom(_ID_BYTES)).rstrip(b"=").decode()
    return f"{_PREFIX}{device}.{derivation.derive(_PURPOSE, user.bytes, device.encode())}"


def known_device(derivation: Derivation, user: UUID, presented: str) -> str | None:
    """Return which of the user's devices a token is of, None when it is of none."""
    device, _, proof = presented.removeprefix(_PREFIX).partition(".")
    genuine = derivation.matches(proof, _PURPOSE, user.bytes, device.encode())
    return device if genuine and presented.startswith(_PREFIX) else None
