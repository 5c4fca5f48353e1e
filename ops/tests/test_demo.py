"""`ledgerlink demo` as a person at a terminal, and a machine behind a pipe, meet it."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.demo.card import HEARD, HEARD_OF_DECLINE
from ops.tests.demo_process import DemoProcess
from tests.server_directory import fastest_parent

CHOREOGRAPHY = [
    ("CreatePaymentIntent", "command", "gateway", "payments"),
    ("Assess", "command", "payments", "risk"),
    ("PaymentIntentCreated", "event", "payments", None),
    ("RiskDecision", "decision", "risk", "payments"),
    ("PostTransfer", "command", "payments", "wallet"),
    ("TransferPosted", "event", "wallet", "payments"),
    ("PaymentIntentSucceeded", "event", "payments", "risk"),
]
LEDGER = [
    (1, "clearing EUR", -2_000_000, -2_000_000),
    (1, "Ada's wallet", 2_000_000, 2_000_000),
    (2, "Ada's wallet", -500, 1_999_500),
    (2, "Grace's wallet", 500, 500),
    (3, "Ada's wallet", -2_500, 1_997_000),
    (3, "Grace's wallet", 2_500, 3_000),
    (4, "sandbox EUR", -3_500, -3_500),
    (4, "Grace's wallet", 3_500, 6_500),
    (5, "sandbox EUR", -2_500, -6_000),
    (5, "Grace's wallet", 2_500, 9_000),
    (6, "Grace's wallet", -1_000, 8_000),
    (6, "sandbox EUR", 1_000, -5_000),
]
CARD = [
    ("authorise", 6_000, 201, "requires_capture"),
    ("capture", 3_500, 200, "requires_capture"),
    ("capture", 2_500, 200, "succeeded"),
    ("refund", 1_000, 201, "succeeded"),
    ("decline", 6_000, 402, "insufficient_funds"),
]
SERVERS = 3


@pytest.fixture
def demo() -> Iterator[Callable[..., DemoProcess]]:
    started: list[DemoProcess] = []
    with tempfile.TemporaryDirectory(prefix="ledgerlink-test-", dir=fastest_parent()) as directory:

        def start(*arguments: str) -> DemoProcess:
            started.append(DemoProcess(Path(directory), *arguments))
            return started[-1]

        yield start
        for process in started:
            process.end()


def test_the_document_tells_the_whole_story(demo: Callable[..., DemoProcess]) -> None:
    process = demo("--json")
    assert process.ended() == 0, process.errors
    report = json.loads(process.output)
    payment, decline, repetition = report["payment"], report["decline"], report["repetition"]

    assert (payment["http_status"], payment["status"]) == (201, "succeeded")
    for told in (payment, report["first_payment"]):
        hops = told["hops"]
        assert [(h["message"], h["kind"], h["said_by"], h["taken_by"]) for h in hops] == CHOREOGRAPHY
        said = [hop["said_at_ms"] for hop in hops]
        awaited = [hop for hop in hops[:-1] if hop["taken_by"]]  # the answer does not wait for risk to hear of it
        chain = [at for hop in awaited for at in (hop["said_at_ms"], hop["taken_at_ms"])]
        for times in (said, chain):
            assert times == sorted(times)
        assert 0 <= said[0] <= max(*said, *chain) <= told["answered_after_ms"]

    assert (decline["http_status"], decline["status"]) == (402, "requires_payment_method")
    assert decline["code"] == "payment_declined"
    assert "10,000.00 EUR" in decline["detail"]

    assert (repetition["http_status"], repetition["same_answer"]) == (201, True)
    assert repetition["payment_intent_id"] == payment["payment_intent_id"]
    assert repetition["entries_before"] == repetition["entries_after"] == 3

    assert [(s["step"], s["amount"], s["http_status"], s["outcome"]) for s in report["card"]] == CARD
    assert sorted(w["type"] for w in report["webhooks"]) == sorted(HEARD + HEARD_OF_DECLINE)
    assert all(w["verified"] for w in report["webhooks"])

    ledger = [(e["sequence"], e["account"], e["amount"], e["balance_after"]) for e in report["ledger"]]
    assert ledger == LEDGER
    purposes = ["top-up", "payment", "payment", "capture", "capture", "refund"]
    assert [e["what"] for e in report["ledger"]] == [what for what in purposes for _ in range(2)]
    assert [check["holds"] for check in report["proof"]] == [True] * 8
    assert report["proven"] is True

    assert process.data() == []
    assert process.processes() == []


def test_ctrl_c_while_it_starts_leaves_nothing(demo: Callable[..., DemoProcess]) -> None:
    process = demo()
    process.wait_for_processes(SERVERS)
    process.interrupt()
    process.interrupt()
    assert process.ended() == 130
    assert "nothing is left" in process.errors
    assert "Traceback" not in process.errors
    assert process.data() == []
    assert process.processes() == []


def test_kept_data_is_named(demo: Callable[..., DemoProcess]) -> None:
    process = demo("--keep")
    process.wait_for_processes(SERVERS)
    process.interrupt()
    assert process.ended() == 130
    (kept,) = process.data()
    assert f"ledgerlink up --data-dir {kept}" in process.output
    assert process.processes() == []
