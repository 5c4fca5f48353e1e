"""Webhooks as their processors sign them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe
from standardwebhooks import Webhook

from apps.payments.tests.processors.local_servers import SECRET
from contracts.ids import new_id

STRIPE_SECRET = "whsec_of_the_stripe_endpoint"
Headers = dict[str, str]


def operation_said(status: str = "approved", operation: object = None, **others: Any) -> dict[str, Any]:
    said = {"id": "sbx_1", "operation_id": str(operation or new_id()), "type": "charge", "status": status}
    return said | {"amount": 1250, "currency": "EUR", "version": 1} | others


def sandbox_body(data: dict[str, Any], kind: str = "operation.updated", event_id: str = "evt_1") -> bytes:
    created = datetime.now(UTC).isoformat()
    return json.dumps({"id": event_id, "type": kind, "created": created, "data": data}).encode()


def sandbox_headers(body: bytes, *, secret: str = SECRET, age: timedelta = timedelta(0)) -> Headers:
    at = datetime.now(UTC) - age
    signature = Webhook(secret).sign("evt_1", at, body.decode())
    return {"webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def stripe_body(said: dict[str, Any], kind: str = "payment_intent.succeeded", event_id: str = "evt_1") -> bytes:
    return json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": said}}).encode()


def stripe_headers(body: bytes, *, secret: str = STRIPE_SECRET, age: timedelta = timedelta(0)) -> Headers:
    at = int((datetime.now(UTC) - age).timestamp())
    text = body.decode(errors="replace")
    header = stripe.WebhookSignature.generate_signature_header(text, secret, at)
    return {"stripe-signature": header}


def json_of(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found
