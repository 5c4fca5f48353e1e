"""Kill -9 forgets nothing, and a seed repeats everything."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.sandbox_processor.tests.receiver import Receiver
from apps.sandbox_processor.tests.sandbox import Sandbox, answered, free_port, new_key
from apps.sandbox_processor.tests.test_webhooks import about


def test_operations_tokens_and_webhooks_survive_kill_9(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    receiver.status = lambda _: 503
    sandbox = own_sandbox(receiver.url)
    client, keys = sandbox.client(), [new_key() for _ in range(20)]
    card = {"number": "4000000000009995", "exp_month": 1, "exp_year": 2030, "cvc": "123"}
    token = answered(client.http.post("/v1/tokens", json=card))["token"]
    before = [client.start("tok_visa", key=key) for key in keys]
    sandbox.kill()
    receiver.status = lambda _: 204
    sandbox.start()
    client = sandbox.client()
    assert client.operations() == before
    assert [client.start("tok_visa", key=key) for key in keys] == before
    assert client.start(token)["decline_code"] == "insufficient_funds"
    receiver.wait_for(lambda came: all(about(came, operation["id"]) for operation in before))


def test_what_was_to_happen_later_happens_after_kill_9(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    sandbox = own_sandbox(receiver.url)
    pending, disputed = sandbox.client().start("tok_pending")["id"], sandbox.client().start("tok_disputed_won")["id"]
    sandbox.kill()
    sandbox.start()
    receiver.wait_for(lambda came: bool(about(came, pending)))
    receiver.wait_for(lambda came: any(b"dispute.closed" in one.body for one in came))
    (dispute,) = sandbox.client().disputes()
    assert (dispute["parent"], dispute["status"]) == (disputed, "won")


def test_webhooks_wait_for_a_receiver_that_is_away(own_sandbox: Callable[..., Sandbox]) -> None:
    port = free_port()
    sandbox = own_sandbox(f"http://127.0.0.1:{port}/hooks")
    operation = sandbox.client().start("tok_visa")["id"]
    with socket.create_server(("127.0.0.1", port)) as late:
        late.settimeout(10)
        connection, _ = late.accept()
        with connection:
            assert operation.encode() in connection.recv(65536)


def test_the_same_seed_repeats_every_id(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    keys = [new_key() for _ in range(3)]

    def played(seed: int) -> list[str]:
        client = own_sandbox(receiver.url, seed=seed).client()
        card = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030, "cvc": "123"}
        token = answered(client.http.post("/v1/tokens", json=card))["token"]
        return [token, *(client.start(token, key=key)["id"] for key in keys)]

    first, again, other = played(7), played(7), played(8)
    assert first == again
    assert not set(first) & set(other)


def test_a_lost_answer_ends_at_last(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    client = own_sandbox(receiver.url, hang_seconds=0.3).client()
    assert client.post("charge", method={"type": "card", "token": "tok_timeout"}).status_code == 504


def test_a_stop_does_not_wait_for_hanging_answers(own_sandbox: Callable[..., Sandbox], receiver: Receiver) -> None:
    sandbox = own_sandbox(receiver.url)
    with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
        body = b'{"type":"charge","amount":1,"currency":"EUR","method":{"type":"card","token":"tok_timeout"}}'
        head = (
            f"POST /sandbox/v1/operations HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {new_key()}\r\n"
            f"Authorization: Bearer sk_sandbox_of_the_tests\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        while not sandbox.client().operations():
            pass
        sandbox.stop()


def test_a_directory_that_cannot_be_used_is_one_sentence(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "sandbox").write_text("a file")
    with pytest.raises(AssertionError, match=r"File exists|Not a directory"):
        Sandbox(tmp_path, receiver.url).start()
