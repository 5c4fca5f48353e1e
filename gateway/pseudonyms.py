"""What stands for a client's device and address in messages: keyed hashes, so that no stream holds more.

Risk knows one again by it, and nobody without the key finds out what it is.
"""

import hmac
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.requests import Request

from gateway.dependencies import PartsDep
from gateway.origins import origin_of

_HEX_DIGITS = 32
DeviceId = Annotated[
    str | None,
    Header(
        alias="X-Device-Id",
        min_length=8,
        max_length=200,
        pattern="^[ -~]+$",
        description="What names the payer's device, as your app has made it up; risk looks at how a device is used",
        examples=["9f4c1e2a-app"],
    ),
]


class Pseudonyms(BaseModel):
    """The pseudonyms of where a request comes from; a client that says no device has none."""

    model_config = ConfigDict(frozen=True)

    device: str | None
    address: str


def pseudonym(key: SecretStr, kind: str, value: str) -> str:
    """Return the first 128 bits of HMAC-SHA256 (RFC 2104), in hex; the kinds share no pseudonyms."""
    return hmac.digest(key.get_secret_value().encode(), f"{kind}\0{value}".encode(), "sha256").hex()[:_HEX_DIGITS]


def _pseudonyms(request: Request, parts: PartsDep, device: DeviceId = None) -> Pseudonyms:
    key = parts.settings.pseudonym_key
    return Pseudonyms(
        device=pseudonym(key, "device", device) if device else None,
        address=pseudonym(key, "address", origin_of(request).address),
    )


PseudonymsDep = Annotated[Pseudonyms, Depends(_pseudonyms)]
