"""Grace's server: an event counts as verified only when it is signed with the endpoint's secret."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from standardwebhooks import Webhook

from contracts.ids import new_id
from ops.demo.receiver import receiving

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(("secret", "verified"), [(SECRET, True), (OTHER, False)])
async def test_signatures_are_verified(secret: str, *, verified: bool) -> None:
    intent, now = new_id(), datetime.now(UTC)
    data = {"refund": {"id": str(new_id()), "payment_intent": str(intent)}}
    body = json.dumps({"type": "refund.created", "timestamp": now.isoformat(), "data": data})
    signed = {
        "webhook-id": "event",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("event", now, body),
    }
    async with receiving() as receiver, httpx.AsyncClient() as http:
        receiver.secret = SECRET
        statuses = [(await http.post(receiver.url, content=body, headers=signed)).status_code for _ in range(2)]
        await receiver.wait_for(2, 5)
    assert statuses == [200 if verified else 400] * 2
    assert [(w.type, w.payment_intent_id, w.verified) for w in receiver.received] == [
        ("refund.created", intent, verified)
    ] * 2


async def test_what_does_not_come_is_not_waited_for_beyond_the_deadline() -> None:
    async with receiving() as receiver:
        await receiver.wait_for(1, 0.05)
    assert receiver.received == []
