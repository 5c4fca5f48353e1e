"""The client's Idempotency-Key, and the fingerprint that tells a repeated request from another one."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from contracts.message import Idempotency
from gateway.problems import ProblemError

_HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def checked_key(key: str | None) -> str:
    """Return a sound key. Raises ProblemError `idempotency_key_required` or `idempotency_key_invalid`."""
    if not key:
        detail = "Send an Idempotency-Key header, such as a random UUID; repeat it when you repeat the request."
        raise ProblemError("idempotency_key_required", detail, parameter=_HEADER)
    if not _KEY.fullmatch(key):
        detail = "An Idempotency-Key has 1 to 255 printable ASCII characters."
        raise ProblemError("idempotency_key_invalid", detail, parameter=_HEADER)
    return key


def idempotency(user: UUID, operation: str, key: str, path: Mapping[str, str], body: BaseModel | None) -> Idempotency:
    """Return the key in its scope, with the SHA-256 of the request's meaning: operation, path parameters, body.

    The body counts as it was understood, so that white space, member order and defaults make no difference.
    """
    meaning: list[Any] = [operation, dict(path), body.model_dump(mode="json") if body else None]
    canonical = orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)
    return Idempotency(scope=f"{user}:{operation}", key=key, fingerprint=hashlib.sha256(canonical).hexdigest())
