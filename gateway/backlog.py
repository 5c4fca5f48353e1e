"""Back-pressure: a service that falls behind is sent no more commands, until it has caught up."""

import asyncio
from collections.abc import Mapping

import nats.errors
import orjson
import structlog

from contracts.message import Kind, Message
from contracts.topology import DURABLES, Durable
from gateway.broker import Broker
from gateway.metrics import COMMAND_BACKLOG, COMMANDS_TURNED_AWAY
from gateway.problems import ProblemError

_LOG = structlog.get_logger()
_PERIOD_SECONDS = 1.0
_UNKNOWN = -1
_RETRY_AFTER = "5"


def _of_gateway(message: type[Message]) -> bool:
    return message.contract.kind is Kind.COMMAND and "gateway" in message.contract.senders


_COMMANDS: Mapping[str, Durable] = {m.contract.type: d for d in DURABLES for m in d.messages if _of_gateway(m)}
"""The consumer of each command that a gateway sends."""
WATCHED = tuple(dict.fromkeys(_COMMANDS.values()))


class Backlog:
    """How many commands each consumer has not finished, as JetStream told a moment ago.

    What is not known refuses nothing: a broker that does not answer is the publisher's business. The bound can be
    exceeded by what all gateways send within a second.
    """

    def __init__(self, broker: Broker, most: int) -> None:
        self._broker, self._most = broker, most
        self._waiting: dict[str, int] = {}
        for durable in WATCHED:
            COMMANDS_TURNED_AWAY.labels(durable.name)

    def admit(self, command: Message) -> None:
        """Let a command pass. Raises ProblemError `overloaded` when too many wait before it."""
        durable = _COMMANDS[command.contract.type]
        if self._waiting.get(durable.name, _UNKNOWN) > self._most:
            COMMANDS_TURNED_AWAY.labels(durable.name).inc()
            detail = f"The {durable.service} service is behind with its work; send the request again later."
            raise ProblemError("overloaded", detail, headers={"Retry-After": _RETRY_AFTER})

    async def watch(self) -> None:
        """Ask JetStream every second, for as long as the gateway runs."""
        while True:
            await asyncio.gather(*(self._look(durable) for durable in WATCHED))
            await asyncio.sleep(_PERIOD_SECONDS)

    async def _look(self, durable: Durable) -> None:
        waiting = await self._ask(durable) if self._broker.is_ready else _UNKNOWN
        was_too_much = self._waiting.get(durable.name, _UNKNOWN) > self._most
        self._waiting[durable.name] = waiting
        COMMAND_BACKLOG.labels(durable.name).set(waiting)
        if was_too_much != (waiting > self._most):
            _LOG.warning(
                "commands are refused" if not was_too_much else "commands are taken again",
                durable=durable.name,
                waiting=waiting,
            )

    async def _ask(self, durable: Durable) -> int:
        """Return what is not delivered and what is not acknowledged, together; -1 when that cannot be known."""
        subject = f"$JS.API.CONSUMER.INFO.{durable.stream}.{durable.name}"
        try:
            answer = await self._broker.client.request(subject, b"", timeout=_PERIOD_SECONDS)
            told = orjson.loads(answer.data)
            return int(told["num_pending"]) + int(told["num_ack_pending"])
        except (nats.errors.Error, OSError, TimeoutError, ValueError, KeyError):  # also a consumer that is not there
            return _UNKNOWN
