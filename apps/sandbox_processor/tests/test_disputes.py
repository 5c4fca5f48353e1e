"""Disputes of the real process: opened, answered, closed, and what they hold meanwhile."""

import json
import time
from collections.abc import Callable
from typing import Any

from apps.sandbox_processor.tests.receiver import Came, Receiver
from apps.sandbox_processor.tests.sandbox import SECRET, Client, answered, new_key


def about(came: list[Came], parent: str) -> list[Came]:
    return [one for one in came if json.loads(one.body)["data"].get("dispute", {}).get("parent") == parent]


def told(receiver: Receiver, parent: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    came = about(receiver.wait_for(lambda came: len(about(came, parent)) >= number), parent)
    return [(event["type"], event["data"]["dispute"]) for event in (one.verified(SECRET) for one in came)]


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_dispute_is_opened_and_holds_the_amount(client: Client, shared_receiver: Receiver) -> None:
    key = new_key()
    charge = client.start("tok_disputed", key=key)["id"]
    ((kind, dispute),) = told(shared_receiver, charge, 1)
    assert (kind, dispute["status"], dispute["amount"], dispute["currency"], dispute["reason"]) == (
        "dispute.opened", "needs_response", 1250, "EUR", "fraudulent",
    )  # fmt: skip
    assert dispute["evidence_due_by"] > dispute["created"]
    assert answered(client.query(key))["amount_disputed"] == 1250
    assert client.follow("refund", charge, 1)["decline_code"] == "refund_exceeds_captured"


def test_evidence_is_reviewed_and_a_close_decides(client: Client, shared_receiver: Receiver) -> None:
    charge = client.start("tok_disputed")["id"]
    ((_, dispute),) = told(shared_receiver, charge, 1)
    assert client.follow("evidence", dispute["id"], 0, evidence={"note": "it was delivered"})["status"] == "approved"
    for _ in range(2):
        closed = answered(client.http.post(f"/v1/disputes/{dispute['id']}/close", json={"status": "won"}))
        assert closed["status"] == "won"
    kinds = told(shared_receiver, charge, 3)
    assert [(kind, d["status"], d["version"]) for kind, d in kinds] == [
        ("dispute.opened", "needs_response", 1),
        ("dispute.updated", "under_review", 2),
        ("dispute.closed", "won", 3),
    ]
    assert client.follow("evidence", dispute["id"], 0)["decline_code"] == "dispute_closed"
    assert client.follow("refund", charge)["status"] == "approved"


def test_magic_evidence_decides_by_itself(client: Client, shared_receiver: Receiver) -> None:
    for evidence, verdict in (("winning_evidence", "won"), ("losing_evidence", "lost")):
        charge = client.start("tok_disputed")["id"]
        ((_, dispute),) = told(shared_receiver, charge, 1)
        client.follow("evidence", charge, 0, evidence={"text": evidence})
        assert told(shared_receiver, charge, 3)[-1] == (
            "dispute.closed",
            dispute | {"status": verdict, "version": 3},
        )


def test_disputes_end_as_the_table_says(client: Client, shared_receiver: Receiver) -> None:
    for token, verdict, refund in (("tok_disputed_won", "won", "approved"), ("tok_disputed_lost", "lost", "declined")):
        charge = client.start(token)["id"]
        assert [d["status"] for _, d in told(shared_receiver, charge, 2)] == ["needs_response", verdict]
        assert client.follow("refund", charge, 1)["status"] == refund


def test_closed_is_told_before_opened(client: Client, shared_receiver: Receiver) -> None:
    charge = client.start("tok_disputed_reordered")["id"]
    assert [kind for kind, _ in told(shared_receiver, charge, 2)] == ["dispute.closed", "dispute.opened"]


def test_a_capture_is_disputed_once(client: Client) -> None:
    authorised = client.start("tok_disputed", "authorise")["id"]
    capture = client.follow("capture", authorised, 700)["id"]
    client.follow("capture", authorised, 100)
    eventually(lambda: any(d["parent"] == capture for d in client.disputes()))
    (dispute,) = [d for d in client.disputes() if d["parent"] == capture]
    assert dispute["amount"] == 700


def test_what_was_refunded_before_is_not_disputed(client: Client) -> None:
    key = new_key()
    charge = client.start("tok_disputed", key=key)["id"]
    client.follow("refund", charge, 1000)
    eventually(lambda: answered(client.query(key))["amount_disputed"] == 250)


def test_closing_needs_a_dispute_and_a_verdict(client: Client) -> None:
    assert client.http.post("/v1/disputes/dp_none/close", json={"status": "won"}).status_code == 404
    assert client.http.post("/v1/disputes/dp_none/close", json={"status": "open"}).status_code == 400
