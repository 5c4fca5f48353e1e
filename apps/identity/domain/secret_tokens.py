"""Opaque tokens: random ones, of which only the hash is kept, and derived ones, of which nothing is."""

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence

_BYTES = 32


def fresh_token(prefix: str) -> str:
    """Return a random token of 256 bits; the prefix lets people and secret scanners tell what it is."""
    return prefix + secrets.token_urlsafe(_BYTES)


def base64url(content: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2), as tokens and keys are written."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """Return what is kept of a random token. It has too many bits to be guessed, so a quick hash is enough."""
    return hashlib.sha256(token.encode()).digest()


class Derivation:
    """Derives tokens from facts by HMAC-SHA-256, so that they need not be kept.

    The first key derives, all of them check.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Take base64 keys. Raises ValueError when one is not at least 32 bytes."""
        self._keys = [b64decode(key, validate=True) for key in keys]
        if not self._keys or any(len(key) < _BYTES for key in self._keys):
            raise ValueError("a token key is 32 bytes or more, in base64")

    def derive(self, purpose: str, *facts: bytes) -> str:
        """Return the text that these facts have for this purpose, in base64url."""
        return _mac(self._keys[0], purpose, facts)

    def matches(self, presented: str, purpose: str, *facts: bytes) -> bool:
        """Tell, in constant time, whether a text was derived from these facts under any of the keys."""
        candidates = (_mac(key, purpose, facts) for key in self._keys)
        return any(hmac.compare_digest(presented.encode(), candidate.encode()) for candidate in candidates)


def _mac(key: bytes, purpose: str, facts: Sequence[bytes]) -> str:
    """Write each fact with its length before it, so that no two lists of facts are the same text."""
    parts = [purpose.encode(), *facts]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64url(hmac.digest(key, message, "sha256"))
