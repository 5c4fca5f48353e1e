"""Operations of the real process: once per key, never more than there is, and nothing for strangers."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from apps.sandbox_processor.tests.sandbox import Client, Sandbox, answered, new_key

CARD = {"type": "card", "token": "tok_visa"}


def test_the_same_key_and_body_are_executed_once(client: Client) -> None:
    key = new_key()
    first = client.start("tok_visa", key=key, metadata={"b": "2", "a": "1"})
    assert client.start("tok_visa", key=key.upper(), metadata={"a": "1", "b": "2"}) == first
    assert answered(client.query(key)) == first
    assert [o["id"] for o in client.operations()].count(first["id"]) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 1251},
        {"currency": "USD"},
        {"method": CARD | {"type": "bank"}},
        {"statement_descriptor": "x"},
        {"type": "authorise"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_same_key_with_another_body_is_refused(client: Client, other: dict[str, object]) -> None:
    key = new_key()
    client.start("tok_visa", key=key)
    body = {"type": "charge", "amount": 1250, "currency": "EUR", "method": CARD} | other
    refused = client.http.post("/v1/operations", json=body, headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.json()["error"]) == (409, "idempotency_key_reused")


def test_many_at_the_same_time_are_one(sandbox: Sandbox, client: Client) -> None:
    key = new_key()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sandbox.client().start("tok_visa", key=key), range(24)))
    assert all(answer == answers[0] for answer in answers)
    assert [o["operation_id"] for o in client.operations()].count(key) == 1


def test_accounts_know_nothing_of_each_other(sandbox: Sandbox, client: Client) -> None:
    key, backup = new_key(), sandbox.client("sandbox_backup")
    ours = client.start("tok_visa", key=key)
    assert backup.query(key).status_code == 404
    assert backup.follow("refund", ours["id"])["decline_code"] == "parent_not_found"
    theirs = backup.start("tok_visa", key=key)
    assert theirs["id"] != ours["id"]


def test_an_authorisation_is_captured_in_parts_and_the_rest_released(client: Client) -> None:
    key = new_key()
    authorised = client.start("tok_visa", "authorise", key)["id"]
    assert client.follow("capture", authorised, 1000)["status"] == "approved"
    assert client.follow("capture", authorised, 251)["decline_code"] == "capture_exceeds_authorised"
    capture = client.follow("capture", authorised, 100)
    assert client.follow("void", authorised, 0)["status"] == "approved"
    assert client.follow("capture", authorised, 1)["decline_code"] == "authorisation_voided"
    assert client.follow("refund", capture["id"], 1100)["status"] == "approved"
    assert client.follow("refund", authorised, 1)["decline_code"] == "refund_exceeds_captured"
    stands = answered(client.query(key))
    assert (stands["amount_captured"], stands["amount_refunded"]) == (1100, 1100)


def test_two_refunds_of_sixty_on_a_hundred_leave_one(sandbox: Sandbox, client: Client) -> None:
    charge = client.start("tok_visa", amount=100)["id"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: sandbox.client().follow("refund", charge, 60), range(2)))
    assert sorted(a["status"] for a in answers) == ["approved", "declined"]


def test_a_void_gives_a_charge_back_and_ends_what_waits(client: Client) -> None:
    charge, waiting = new_key(), new_key()
    client.follow("void", client.start("tok_visa", key=charge)["id"])
    assert answered(client.query(charge))["amount_refunded"] == 1250
    pending = client.start("tok_requires_action", key=waiting)["id"]
    for _ in range(2):
        assert client.follow("void", pending)["status"] == "approved"
    ended = answered(client.query(waiting))
    assert (ended["status"], ended["decline_code"]) == ("declined", "payment_canceled")
    assert "action_url" not in ended


@pytest.mark.parametrize(
    ("token", "kind", "follower", "code"),
    [
        ("tok_visa", "charge", "capture", "not_capturable"),
        ("tok_declined", "authorise", "capture", "not_capturable"),
        ("tok_declined", "charge", "refund", "not_refundable"),
        ("tok_visa", "payout", "refund", "not_refundable"),
        ("tok_visa", "payout", "void", "already_paid_out"),
        ("tok_visa", "charge", "evidence", "parent_not_found"),
        ("tok_visa", "authorise", "refund", "refund_exceeds_captured"),
    ],
)
def test_what_cannot_follow_is_declined(client: Client, token: str, kind: str, follower: str, code: str) -> None:
    answer = client.follow(follower, client.start(token, kind)["id"])
    assert (answer["status"], answer["decline_code"]) == ("declined", code)


def test_another_currency_cannot_follow(client: Client) -> None:
    assert (
        client.follow("refund", client.start("tok_visa")["id"], currency="USD")["decline_code"] == "currency_mismatch"
    )


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer wrong"}, {"Authorization": ""}, {"Authorization": "Basic x"}]
)
def test_without_the_key_there_is_nothing(sandbox: Sandbox, headers: dict[str, str]) -> None:
    url = f"{sandbox.url}/sandbox/v1"
    asked = [
        httpx.post(f"{url}/operations", headers=headers, json={}),
        httpx.get(f"{url}/operations", headers=headers),
        httpx.get(f"{url}/operations/{new_key()}", headers=headers),
        httpx.post(f"{url}/tokens", headers=headers, json={}),
        httpx.get(f"{url}/disputes", headers=headers),
        httpx.post(f"{url}/disputes/dp_x/close", headers=headers, json={"status": "won"}),
    ]
    assert [response.status_code for response in asked] == [401] * len(asked)
    assert httpx.get(f"{sandbox.url}/nobody/v1/operations").json()["error"] == "account_not_found"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"type": "charge", "amount": 0, "currency": "EUR", "method": {"type": "card", "token": "tok_visa"}}',
        b'{"type": "charge", "amount": 1.5, "currency": "EUR", "method": {"type": "card", "token": "tok_visa"}}',
        b'{"type": "charge", "amount": 1, "currency": "eur", "method": {"type": "card", "token": "tok_visa"}}',
        b'{"type": "charge", "amount": 1, "currency": "EUR"}',
        b'{"type": "refund", "amount": 1, "currency": "EUR"}',
        b'{"type": "steal", "amount": 1, "currency": "EUR"}',
        b'{"type": "void", "amount": 1, "currency": "EUR", "parent": "sbx_1", "pan": "4"}',
        b'{"type": "void", "amount": 1, "currency": "EUR", "parent": "sbx_1", "return_url": "javascript:x"}',
        b'{"type": "void", "amount": 1, "currency": "EUR", "parent": "sbx_1", "return_url": "https://[shop/"}',
        b'{"type": "void", "amount": 1, "currency": "EUR", "parent": "sbx_1", "return_url": "https://?x"}',
        b"\xff\xfe",
    ],
)
def test_what_is_malformed_is_refused_in_one_sentence(client: Client, body: bytes) -> None:
    refused = client.http.post("/v1/operations", content=body, headers={"Idempotency-Key": new_key()})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_the_request_itself_is_bounded(client: Client) -> None:
    assert client.post("charge", "not-a-uuid", method=CARD).json()["error"] == "idempotency_key_invalid"
    assert client.post("charge", method=CARD, metadata={"x": "x" * 70_000}).status_code == 413
    assert client.http.get("/v1/operations", params={"limit": "1001"}).status_code == 400
    assert client.http.get("/v1/nothing").json()["error"] == "not_found"
    assert client.http.delete("/v1/operations").status_code == 405


def test_the_list_is_read_in_pages(client: Client) -> None:
    ids = [client.start("tok_visa")["id"] for _ in range(3)]
    first = answered(client.http.get("/v1/operations", params={"after": ids[0], "limit": 1}))
    assert ([o["id"] for o in first["data"]], first["has_more"]) == ([ids[1]], True)
    rest = answered(client.http.get("/v1/operations", params={"after": ids[1]}))
    assert ([o["id"] for o in rest["data"]], rest["has_more"]) == ([ids[2]], False)
