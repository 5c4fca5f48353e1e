"""What came to an endpoint is believed once its signature is right."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from ledgerlink_client.webhooks import WebhookError, verified

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = {"id": "e", "type": "payment_intent.succeeded", "timestamp": "2026-01-05T09:32:00Z", "data": {"n": 1}}
BODY = json.dumps(EVENT).encode()


def _headers(body: bytes = BODY, *, at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign("e", at, body.decode())
    return {
        "Webhook-Id": "e",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": f"{signature} v1a,AAAA",
    }


def test_what_is_signed_is_believed() -> None:
    event = verified(BODY, _headers(), SECRET)
    assert (event.id, event.type, event.data) == ("e", "payment_intent.succeeded", {"n": 1})


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY + b" ", _headers()),
        (BODY, _headers(secret="whsec_AAAA")),
        (BODY, _headers(at=datetime.now(UTC) - timedelta(hours=1))),
        (BODY, {}),
        (BODY, _headers() | {"Webhook-Signature": "nonsense"}),
        (BODY, _headers() | {"Webhook-Signature": "v1,%%%"}),
        (b"\xff", _headers()),
        (b"[]", _headers(b"[]")),
    ],
)
def test_all_else_is_not(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(WebhookError):
        verified(body, headers, SECRET)
