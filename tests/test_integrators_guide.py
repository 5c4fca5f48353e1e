"""docs/guides/integrators.md works: its key, its NATS user, and its program, against a real server."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
import orjson
import pytest
from nats.aio.client import Client

from contracts.asyncapi import GOLDEN
from contracts.ids import new_id
from ops.stack.nats import configuration
from tests.guides import GUIDES
from tests.servers import NatsServer

GUIDE = (GUIDES / "integrators.md").read_text()
EVENT = "payments.events.payment_intent.succeeded"
TYPE = "ledgerlink.payments.payment_intent.succeeded.v1"
SECONDS = 30.0


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


MAKE_KEY, MAKE_CONSUMER, LISTEN, _ = _blocks("python")


@pytest.fixture
async def seed(monkeypatch: pytest.MonkeyPatch) -> str:
    """A seed as the guide makes it, whose public key every NATS server that starts now has as the guide's user."""
    seed, public_key = (line.rsplit(" ", 1)[1] for line in (await _run(MAKE_KEY)).splitlines())
    user = json.loads(_blocks("json")[0]) | {"nkey": public_key}

    def with_user(*arguments: Any, **options: Any) -> dict[str, Any]:
        content = configuration(*arguments, **options)
        content["authorization"]["users"].append(user)
        return content

    for module in ("ops.stack.nats", "tests.docker_servers"):
        monkeypatch.setattr(f"{module}.configuration", with_user)
    return seed


@pytest.fixture
async def server(seed: str, nats_server: NatsServer) -> NatsServer:  # noqa: ARG001 - the user is there first
    await nats_server.provision()
    await _run(MAKE_CONSUMER, NATS_URL=nats_server.url, PROVISIONER_NATS_SEED=nats_server.seeds["provisioner"])
    await nats_server.provision()  # which leaves the consumer alone
    return nats_server


async def _run(program: str, **environment: str) -> str:
    """Run a program of the guide to its end; return what it printed."""
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environment, stdout=PIPE)
    async with asyncio.timeout(SECONDS):
        printed, _ = await running.communicate()
    assert running.returncode == 0
    return printed.decode()


async def _say(server: NatsServer, *envelopes: dict[str, Any]) -> None:
    """Publish as payments does, but under ids that the stream does not know."""
    payments = await server.connect("payments")
    for envelope in envelopes:
        headers = {"Nats-Msg-Id": str(new_id()), "Nats-Expected-Stream": "PAYMENTS_EVENTS"}
        answer = await payments.request(EVENT, orjson.dumps(envelope), timeout=5, headers=headers)
        assert "error" not in orjson.loads(answer.data)
    await payments.close()


def _event(amount: int) -> dict[str, Any]:
    envelope: dict[str, Any] = orjson.loads((GOLDEN / f"{TYPE}.json").read_bytes())
    envelope["data"]["payment_intent"] |= {"id": str(new_id()), "amount_captured": amount}
    return envelope | {"id": str(new_id())}


async def test_the_program_takes_each_event_once(seed: str, server: NatsServer, tmp_path: Path) -> None:
    once, twice, last = _event(100), _event(200), _event(300)
    await _say(server, once, twice, twice, last)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LISTEN),
        cwd=tmp_path,
        env={"NATS_URL": server.url, "NATS_SEED": seed},
        stdout=PIPE,
    )
    assert program.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            heard = [(await program.stdout.readline()).decode().split() for _ in range(3)]
    finally:
        program.kill()
        await program.wait()
    told = [one["data"]["payment_intent"] for one in (once, twice, last)]
    assert heard == [[one["id"], str(one["amount_captured"]), one["currency"]] for one in told]


async def _refused(server: NatsServer, seed: str, act: Callable[[Client], Awaitable[object]]) -> None:
    """Let the guide's user do something, and wait until NATS has refused it."""
    refused = asyncio.Event()

    async def heard(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            refused.set()

    client = await nats.connect(server.url, nkeys_seed_str=seed, error_cb=heard)
    try:
        await act(client)
        async with asyncio.timeout(SECONDS):
            await refused.wait()
    finally:
        await client.close()


@pytest.mark.parametrize(
    "subject",
    [
        EVENT,
        "payments.commands.create_payment_intent",
        "identity.queries.login",
        "$JS.API.STREAM.DELETE.PAYMENTS_EVENTS",
        "$JS.API.CONSUMER.CREATE.PAYMENTS_EVENTS.shop.payments.events.>",
        "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS_COMMANDS.payments-commands",
    ],
)
async def test_the_user_may_say_nothing_else(subject: str, seed: str, server: NatsServer) -> None:
    await _refused(server, seed, lambda client: client.publish(subject, b"{}"))


@pytest.mark.parametrize("subject", [EVENT, "gateway.replies.*", "_INBOX_gateway.>", "identity.queries.login"])
async def test_the_user_may_hear_nothing_else(subject: str, seed: str, server: NatsServer) -> None:
    await _refused(server, seed, lambda client: client.subscribe(subject))


def test_the_guide_names_what_the_documents_name() -> None:
    system = json.loads((GUIDES.parent / "asyncapi" / "system.json").read_text())
    channel = system["channels"][EVENT]
    (message,) = channel["messages"]
    assert f'filter_subject="{channel["address"]}"' in MAKE_CONSUMER
    assert f'STREAM, NAME = "{channel["x-jetstream"]["stream"]}"' in LISTEN
    assert f'TYPE = "{system["components"]["messages"][message]["name"]}"' in LISTEN
