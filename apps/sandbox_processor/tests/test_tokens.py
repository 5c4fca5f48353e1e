"""Every row of the table, played by the real process."""

import time

import httpx
import pytest

from apps.sandbox_processor.domain.behaviours import TABLE
from apps.sandbox_processor.tests.sandbox import Client, Sandbox, answered, new_key

ANSWERED = {
    "tok_visa": ("approved", None),
    "tok_declined": ("declined", "card_declined"),
    "tok_insufficient_funds": ("declined", "insufficient_funds"),
    "tok_expired": ("declined", "expired_card"),
    "tok_stolen": ("declined", "stolen_card"),
    "tok_lost": ("declined", "lost_card"),
    "tok_fraudulent": ("declined", "fraudulent"),
    "tok_incorrect_number": ("declined", "incorrect_number"),
    "tok_incorrect_cvc": ("declined", "incorrect_cvc"),
    "tok_processing_error": ("declined", "processing_error"),
    "tok_requires_action": ("requires_action", None),
    "tok_late": ("approved", None),
    "tok_pending": ("pending", None),
    "tok_twice": ("approved", None),
    "tok_webhook_first": ("approved", None),
    "tok_reordered": ("pending", None),
    "tok_disputed": ("approved", None),
    "tok_disputed_won": ("approved", None),
    "tok_disputed_lost": ("approved", None),
    "tok_disputed_reordered": ("approved", None),
    "tok_bank": ("approved", None),
    "tok_bank_closed": ("declined", "account_closed"),
    "tok_refund_fails": ("approved", None),
    "tok_refund_pending": ("approved", None),
    "tok_refund_timeout": ("approved", None),
    "tok_capture_declined": ("approved", None),
    "tok_capture_timeout": ("approved", None),
    "tok_void_timeout": ("approved", None),
}
UNANSWERED = {"tok_timeout": ("approved", None), "tok_timeout_declined": ("declined", "card_declined")}
OTHERS = {"tok_timeout_lost", "tok_unavailable"}
IMPATIENT = 0.3


def test_every_row_is_tried() -> None:
    assert {behaviour.token for behaviour in TABLE} == ANSWERED.keys() | UNANSWERED.keys() | OTHERS


@pytest.mark.parametrize("kind", ["charge", "authorise", "payout"])
@pytest.mark.parametrize(("token", "expected"), ANSWERED.items(), ids=ANSWERED)
def test_what_is_answered(client: Client, token: str, expected: tuple[str, str | None], kind: str) -> None:
    key = new_key()
    answer = client.start(token, kind, key)
    assert (answer["status"], answer.get("decline_code")) == expected
    assert (answer["operation_id"], answer["type"], answer["amount"], answer["currency"]) == (key, kind, 1250, "EUR")
    assert ("action_url" in answer) == (token == "tok_requires_action")


@pytest.mark.parametrize(("token", "expected"), UNANSWERED.items(), ids=UNANSWERED)
def test_what_is_executed_and_not_answered(sandbox: Sandbox, token: str, expected: tuple[str, str | None]) -> None:
    client, key = sandbox.client(timeout=IMPATIENT), new_key()
    with pytest.raises(httpx.ReadTimeout):
        client.start(token, key=key)
    found = answered(client.query(key))
    assert (found["status"], found.get("decline_code")) == expected
    assert client.start(token, key=key) == found


def test_a_lost_request_is_executed_at_the_second_attempt(sandbox: Sandbox) -> None:
    client, key = sandbox.client(timeout=IMPATIENT), new_key()
    with pytest.raises(httpx.ReadTimeout):
        client.start("tok_timeout_lost", key=key)
    assert client.query(key).status_code == 404
    assert client.start("tok_timeout_lost", key=key)["status"] == "approved"


def test_a_late_answer_is_known_to_a_query_before(sandbox: Sandbox) -> None:
    client, key = sandbox.client(timeout=IMPATIENT), new_key()
    with pytest.raises(httpx.ReadTimeout):
        client.start("tok_late", key=key)
    assert answered(client.query(key))["status"] == "approved"
    started = time.monotonic()
    sandbox.client().start("tok_late")
    assert time.monotonic() - started > 1.0


def test_unavailable_is_not_executed_and_works_elsewhere(sandbox: Sandbox, client: Client) -> None:
    key, method = new_key(), {"type": "card", "token": "tok_unavailable"}
    for _ in range(2):
        refused = client.post("charge", key, method=method)
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
    assert client.query(key).status_code == 404
    assert sandbox.client("sandbox_backup").start("tok_unavailable", key=key)["status"] == "approved"


@pytest.mark.parametrize(
    ("token", "kind", "follower"),
    [
        ("tok_refund_timeout", "charge", "refund"),
        ("tok_capture_timeout", "authorise", "capture"),
        ("tok_void_timeout", "authorise", "void"),
    ],
)
def test_what_follows_is_executed_and_not_answered(sandbox: Sandbox, token: str, kind: str, follower: str) -> None:
    client, key = sandbox.client(timeout=IMPATIENT), new_key()
    parent = client.start(token, kind)["id"]
    with pytest.raises(httpx.ReadTimeout):
        client.follow(follower, parent, key=key)
    assert answered(client.query(key))["status"] == "approved"


def test_refunds_that_fail_give_nothing_back(client: Client) -> None:
    parent, key = client.start("tok_refund_fails")["id"], new_key()
    refused = client.follow("refund", parent, key=key)
    assert (refused["status"], refused["decline_code"]) == ("declined", "refund_failed")
    assert answered(client.query(key)) == refused


def test_captures_that_are_declined_take_nothing(client: Client) -> None:
    key = new_key()
    parent = client.start("tok_capture_declined", "authorise", key)["id"]
    assert client.follow("capture", parent)["decline_code"] == "card_declined"
    assert answered(client.query(key))["amount_captured"] == 0


def test_a_pending_refund_keeps_its_amount_and_is_approved_later(client: Client) -> None:
    parent, key = client.start("tok_refund_pending")["id"], new_key()
    assert client.follow("refund", parent, 1000, key)["status"] == "pending"
    assert client.follow("refund", parent, 251)["decline_code"] == "refund_exceeds_captured"
    end = time.monotonic() + 10
    while answered(client.query(key))["status"] == "pending":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answered(client.query(key))["status"] == "approved"


def test_tokens_of_numbers_do_what_the_row_says(sandbox: Sandbox, client: Client) -> None:
    card = {"number": "4000 0000 0000 9995", "exp_month": 1, "exp_year": 2030, "cvc": "123"}
    made = client.http.post("/v1/tokens", json=card)
    assert (made.status_code, made.json()["last4"]) == (201, "9995")
    assert client.start(made.json()["token"])["decline_code"] == "insufficient_funds"
    bank = answered(client.http.post("/v1/tokens", json={"iban": "de62 3704 0044 0532 0130 01"}))["token"]
    assert client.start(bank, "payout")["decline_code"] == "account_closed"
    assert sandbox.client("sandbox_backup").start(bank)["decline_code"] == "unknown_token"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"number": "4111111111111111", "exp_month": 1, "exp_year": 2030, "cvc": "123"}, "not_a_test_number"),
        ({"number": "4242424242424241", "exp_month": 1, "exp_year": 2030, "cvc": "123"}, "incorrect_number"),
        ({"number": "4242424242424242", "exp_month": 13, "exp_year": 2030, "cvc": "123"}, "invalid_request"),
        ({"iban": "GB82WEST12345698765432"}, "not_a_test_number"),
        ({"iban": "DE88370400440532013000"}, "incorrect_iban"),
        ({"iban": 5}, "invalid_request"),
        ([], "invalid_request"),
    ],
)
def test_what_is_no_test_number_is_refused_and_not_repeated(client: Client, body: dict[str, object], code: str) -> None:
    refused = client.http.post("/v1/tokens", json=body)
    assert refused.is_client_error
    assert refused.json()["error"] == code
    assert "424242" not in refused.text
    assert "4111" not in refused.text
