"""docs/guides/nats-cli.md: each of its commands asks for what there is, as the operator may ask on a real server.

The nats program itself is in no package that tests can install. So its requests are made here: the JetStream API's
subjects that each command uses, under the operator's rights.
"""

import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from nats.aio.client import Client

from contracts.topology import DURABLES, OPERATOR, SERVICES, inbox_prefix, streams
from tests.servers import NatsServer

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "nats-cli.md"
IN_CONTAINERS = "docker compose run --rm nats-box"
SECONDS = 5
_NO_MESSAGE = 10037
PLANTED = {
    "nats stream info WALLET_COMMAND": "stream not found",
    "nats consumer report WALLET": "stream not found",
    "nats consumer info WALLET_COMMANDS wallet-post-transfer": "consumer not found",
    "nats stream get WALLET_EVENTS --last-for=wallet.events.transfer.done": "WALLET_EVENTS takes no",
    "nats stream rm WALLET_EVENTS": "not one of those that are checked",
}


def _commands() -> list[str]:
    """Return the guide's commands; in containers `nats-box` is the program itself."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.replace(IN_CONTAINERS, "nats") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("nats ")]


@pytest.fixture
async def operator(nats_server: NatsServer) -> AsyncIterator[Client]:
    await nats_server.provision()
    client = await nats_server.connect(OPERATOR)
    yield client
    await client.close()


async def _asked(operator: Client, subject: str, **query: Any) -> dict[str, Any]:
    """Return what JetStream answers. Raises LookupError with its own words where it refuses."""
    answer = await operator.request(f"$JS.API.{subject}", orjson.dumps(query) if query else b"", timeout=SECONDS)
    told: dict[str, Any] = orjson.loads(answer.data)
    if (error := told.get("error")) and error.get("err_code") != _NO_MESSAGE:
        raise LookupError(error["description"])
    return told


async def _check(operator: Client, command: str) -> None:
    """Ask for what a command asks for. Raises LookupError when it names something that is not there."""
    match shlex.split(command)[1:]:
        case ["context", "save", _, *options]:
            assert f"--inbox-prefix={inbox_prefix(OPERATOR)}" in options
        case ["stream", "ls" | "report"]:
            await _asked(operator, "STREAM.LIST", offset=0)
        case ["stream", "info", stream]:
            await _asked(operator, f"STREAM.INFO.{stream}")
        case ["consumer", "ls" | "report", stream]:
            await _asked(operator, f"CONSUMER.LIST.{stream}", offset=0)
        case ["consumer", "info", stream, consumer]:
            await _asked(operator, f"CONSUMER.INFO.{stream}.{consumer}")
        case ["stream", "get", stream, option]:
            await _get(operator, stream, option)
        case _:
            raise LookupError(f"{command} is not one of those that are checked")


async def _get(operator: Client, stream: str, option: str) -> None:
    subject = option.removeprefix("--last-for=")
    if subject == option:
        await _asked(operator, f"STREAM.MSG.GET.{stream}", seq=int(option))
        return
    taken = (await _asked(operator, f"STREAM.INFO.{stream}"))["config"]["subjects"]
    if not any(re.fullmatch(pattern.replace(".", r"\.").replace("*", "[^.]+"), subject) for pattern in taken):
        raise LookupError(f"{stream} takes no {subject}")
    await _asked(operator, f"STREAM.MSG.GET.{stream}", last_by_subj=subject)


async def test_each_command_asks_for_what_there_is(operator: Client) -> None:
    commands = _commands()
    assert len(commands) > 20
    for command in commands:
        await _check(operator, command)


@pytest.mark.parametrize(("command", "why"), PLANTED.items())
async def test_a_wrong_name_is_noticed(operator: Client, command: str, why: str) -> None:
    with pytest.raises(LookupError, match=why):
        await _check(operator, command)


def test_no_stream_is_left_out_and_consumers_of_dead_letters_are_real() -> None:
    told = GUIDE.read_text()
    assert {s.name for s in streams() if f"nats stream info {s.name}\n" not in told} == set()
    letters = re.findall(r"dlq\.(\w+)\.([\w-]+)", told)
    assert letters
    assert set(letters) <= {(d.service, d.name) for d in DURABLES}
    assert {service for service, _ in letters} <= set(SERVICES)
