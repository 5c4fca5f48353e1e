"""`ledgerlink streams|consumers` on a real NATS server: what is there, what waits, what lacks, what is foreign."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from typer.testing import CliRunner, Result

from contracts.topology import DURABLES, streams
from ops.cli import app
from ops.stack.ports import free_port
from tests.servers import NatsServer

Asks = Callable[..., Awaitable[Result]]


@pytest.fixture
async def ask(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> Asks:
    """Run a command as the operator of this test's own server."""
    monkeypatch.setenv("OPERATOR_NATS_URL", nats_server.url)
    monkeypatch.setenv("OPERATOR_NATS_SEED", nats_server.seeds["operator"])

    async def run(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, words)

    return run


async def _json(ask: Asks, *words: str) -> dict[str, dict[str, Any]]:
    told = await ask(*words, "--json")
    return {one["name"]: one for one in json.loads(told.stdout)}


async def _say(server: NatsServer, number: int) -> None:
    payments = await server.connect("payments")
    for _ in range(number):
        await payments.jetstream(timeout=5).publish("wallet.commands.post_transfer", b"{}")
    await payments.close()


async def test_what_is_stored_and_what_waits_is_told(nats_server: NatsServer, ask: Asks) -> None:
    await nats_server.provision()
    ledger = await nats_server.connect("wallet")
    await _say(nats_server, 2)
    subscription = await ledger.jetstream(timeout=5).pull_subscribe_bind("wallet-ledger", "WALLET_COMMANDS")
    [first] = await subscription.fetch(1, timeout=5)
    [second] = await subscription.fetch(1, timeout=5)
    await first.ack_sync()
    await second.nak()
    await subscription.fetch(1, timeout=5)
    await _say(nats_server, 1)

    found = await _json(ask, "streams")
    assert list(found) == [stream.name for stream in streams()]
    commands = found["WALLET_COMMANDS"]
    assert (commands["messages"], commands["last_sequence"], commands["exists"]) == (3, 3, True)
    assert commands["bytes"] > 0
    assert commands["stored_at"]
    assert found["RISK_EVENTS"]["stored_at"] is None

    found = await _json(ask, "consumers")
    await ledger.close()
    assert found.keys() == {durable.name for durable in DURABLES}
    told = found["wallet-ledger"]
    assert (told["lag"], told["pending_acks"], told["redelivered"], told["service"]) == (1, 1, 1, "wallet")
    assert told["delivered_at"]
    assert told["done_at"]
    only = await _json(ask, "consumers", "--stream", "RISK_DECISIONS")
    assert only.keys() == {"payments-risk-decision"}

    shown = await ask("consumers")
    assert shown.exit_code == 0, shown.output
    assert {durable.name for durable in DURABLES} <= set(shown.stdout.split())
    assert (await ask("streams")).exit_code == 0
    assert "no stream NONE" in (await ask("consumers", "--stream", "NONE")).stderr


async def test_what_lacks_and_what_is_foreign_is_told(nats_server: NatsServer, ask: Asks) -> None:
    await nats_server.provision()
    provisioner = await nats_server.connect("provisioner")
    js = provisioner.jetstream(timeout=5)
    await js.delete_consumer("WALLET_COMMANDS", "wallet-ledger")
    old = ConsumerConfig(durable_name="wallet-post-transfer", ack_policy=AckPolicy.EXPLICIT)
    await js.add_consumer("WALLET_COMMANDS", old)
    await js.delete_stream("RISK_EVENTS")
    await js.add_stream(StreamConfig(name="OLD", subjects=["old.>"]))
    await provisioner.close()

    told = await ask("consumers", "--stream", "WALLET_COMMANDS")
    assert told.exit_code == 1
    lines = {words[1]: line for line in told.stdout.splitlines() if len(words := line.split()) > 1}
    assert "missing" in lines["wallet-ledger"]
    assert "of another" in lines["wallet-post-transfer"]
    found = await _json(ask, "streams")
    assert not found["RISK_EVENTS"]["exists"]
    assert (found["OLD"]["known"], found["WALLET_EVENTS"]["known"]) == (False, True)
    told = await ask("streams")
    assert (told.exit_code, "ledgerlink provision" in told.stdout) == (1, True)


@pytest.mark.parametrize("command", ["streams", "consumers"])
async def test_who_cannot_look_is_told_why(ask: Asks, command: str, tmp_path: Path) -> None:
    def refused(result: Result) -> str:
        assert result.exit_code == 1
        assert result.stdout == ""
        return result.stderr

    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("OPERATOR_NATS_URL", f"nats://127.0.0.1:{free_port()}")
        assert "does not answer" in refused(await ask(command))
    with pytest.MonkeyPatch.context() as stranger:
        stranger.setenv("OPERATOR_NATS_SEED", "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU")
        assert "does not know the operator's key" in refused(await ask(command))
    with pytest.MonkeyPatch.context() as nowhere:
        nowhere.delenv("OPERATOR_NATS_SEED")
        assert f"no stack on {tmp_path}" in refused(await ask(command, "--data-dir", str(tmp_path)))
