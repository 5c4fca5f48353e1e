"""Signatures of webhooks, as Standard Webhooks says (https://www.standardwebhooks.com, "Signature scheme")."""

import hmac
from base64 import b64decode, b64encode

SHORTEST_KEY = 24
SECRET_PREFIX = "whsec_"  # noqa: S105  every secret begins so


def key_of(secret: str) -> bytes:
    """Return the key in a `whsec_…` secret. Raises ValueError."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a webhook secret begins with {SECRET_PREFIX}")
    key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a webhook secret holds {SHORTEST_KEY} bytes at the least")
    return key


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers that prove who sent a body, and when (seconds since the epoch)."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
