"""Recovery codes: each stands for a second factor once, when the phone is lost. Of them only hashes are kept."""

import hmac
import secrets
from base64 import b32encode
from collections.abc import Iterable
from uuid import UUID

from apps.identity.domain.secret_tokens import token_hash

HOW_MANY = 10
_BYTES = 10
_GROUP = 4


def new_codes() -> list[str]:
    """Return codes of 80 bits each, in groups that a person can copy from paper."""
    texts = [b32encode(secrets.token_bytes(_BYTES)).decode() for _ in range(HOW_MANY)]
    return ["-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)) for text in texts]


def code_hash(user: UUID, code: str) -> bytes:
    """Return what is kept of a user's code, in whatever case and grouping it is typed."""
    typed = "".join(code.split()).replace("-", "").upper()
    return token_hash(f"{user}:{typed}")


def matching(presented: bytes, kept: Iterable[bytes]) -> bytes | None:
    """Return the kept hash that the presented one is; every one of them is compared, each in constant time."""
    found = None
    for candidate in kept:
        if hmac.compare_digest(presented, candidate):
            found = candidate
    return found
