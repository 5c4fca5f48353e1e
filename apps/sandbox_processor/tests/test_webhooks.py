"""Webhooks of the real process: signed, repeated until taken, in the order and number that the table says."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from apps.sandbox_processor.tests.receiver import Came, Receiver
from apps.sandbox_processor.tests.sandbox import BACKUP_SECRET, SECRET, Client, Sandbox, new_key


def about(came: list[Came], operation: str) -> list[Came]:
    return [one for one in came if json.loads(one.body)["data"].get("operation", {}).get("id") == operation]


def awaited(receiver: Receiver, operation: str, number: int = 1) -> list[Came]:
    return about(receiver.wait_for(lambda came: len(about(came, operation)) >= number), operation)


def told(came: list[Came]) -> list[dict[str, Any]]:
    return [one.verified(SECRET) for one in came]


def test_every_settled_operation_is_told_and_signed(client: Client, shared_receiver: Receiver) -> None:
    for kind, token in (("charge", "tok_visa"), ("authorise", "tok_stolen"), ("payout", "tok_bank")):
        operation = client.start(token, kind)
        (came,) = awaited(shared_receiver, operation["id"])
        event = came.verified(SECRET)
        assert came.path == "/v1/webhooks/sandbox"
        assert (event["type"], event["id"]) == ("operation.updated", came.headers["webhook-id"])
        assert event["data"]["operation"] == operation


def test_each_account_signs_with_its_own_secret(sandbox: Sandbox, shared_receiver: Receiver) -> None:
    operation = sandbox.client("sandbox_backup").start("tok_visa")["id"]
    (came,) = awaited(shared_receiver, operation)
    assert came.path == "/v1/webhooks/sandbox_backup"
    assert came.verified(BACKUP_SECRET)["type"] == "operation.updated"
    with pytest.raises(WebhookVerificationError):
        came.verified(SECRET)


def test_what_follows_is_told_too(client: Client, shared_receiver: Receiver) -> None:
    charge = client.start("tok_visa")["id"]
    for kind, amount, status in (("refund", 250, "approved"), ("refund", 1001, "declined"), ("void", 0, "approved")):
        operation = client.follow(kind, charge, amount)
        (came,) = awaited(shared_receiver, operation["id"])
        assert came.verified(SECRET)["data"]["operation"]["status"] == status


def test_a_webhook_is_sent_until_it_is_taken(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    receiver.status = lambda number: (500, 302, 404)[number] if number < 3 else 204
    operation = own_sandbox(receiver.url).client().start("tok_visa")["id"]
    came = awaited(receiver, operation, 4)
    assert len({one.headers["webhook-id"] for one in came}) == 1
    assert len({one.body for one in came}) == 1
    assert all(told(came))
    first, second, third = (b.moment - a.moment for a, b in pairwise(came))
    assert 0.3 < first < second < third < 4


def test_taken_is_taken(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    client = own_sandbox(receiver.url).client()
    client.start("tok_visa")
    pending = client.start("tok_pending")["id"]
    awaited(receiver, pending)
    assert len(receiver.came) == 2


def test_pending_is_approved_by_webhook(client: Client, shared_receiver: Receiver) -> None:
    pending = client.start("tok_pending")
    assert pending["status"] == "pending"
    (came,) = awaited(shared_receiver, pending["id"])
    operation = came.verified(SECRET)["data"]["operation"]
    assert (operation["status"], operation["version"]) == ("approved", 2)


def test_twice_is_the_same_event_twice(client: Client, shared_receiver: Receiver) -> None:
    operation = client.start("tok_twice")["id"]
    came = awaited(shared_receiver, operation, 2)
    assert came[0].headers["webhook-id"] == came[1].headers["webhook-id"]
    assert came[0].body == came[1].body


def test_the_webhook_comes_before_the_answer(client: Client, shared_receiver: Receiver) -> None:
    operation = client.start("tok_webhook_first")["id"]
    assert about(shared_receiver.came, operation)


def test_without_the_webhook_taken_the_answer_still_comes(
    own_sandbox: Callable[..., Sandbox], receiver: Receiver
) -> None:
    receiver.status = lambda _: 503
    assert own_sandbox(receiver.url).client().start("tok_webhook_first")["status"] == "approved"


def test_reordered_tells_the_newer_first(client: Client, shared_receiver: Receiver) -> None:
    operation = client.start("tok_reordered")["id"]
    came = awaited(shared_receiver, operation, 2)
    stands = [event["data"]["operation"] for event in told(came)]
    assert [(o["status"], o["version"]) for o in stands] == [("approved", 2), ("pending", 1)]


def test_a_lost_answer_is_not_told_at_once(sandbox: Sandbox, shared_receiver: Receiver) -> None:
    key = new_key()
    client = sandbox.client(timeout=0.2)
    try:
        client.start("tok_timeout", key=key)
    except Exception:  # noqa: BLE001  the time-out is tested elsewhere
        operation = client.query(key).json()["id"]
    later = sandbox.client().start("tok_pending")["id"]
    awaited(shared_receiver, later)
    assert not about(shared_receiver.came, operation)
