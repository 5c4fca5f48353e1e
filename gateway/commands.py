"""Sends commands and waits for their replies. A reply is best effort: no reply means unknown, never failed."""

from datetime import timedelta
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts.message import Message, Reply, decode
from gateway.backlog import Backlog
from gateway.broker import Broker
from gateway.envelopes import envelope
from gateway.exchange import Exchange
from gateway.metrics import COMMANDS_IN_FLIGHT
from gateway.problems import ProblemError
from gateway.publisher import CommandPublisher
from gateway.request_context import RequestContext

_LOG = structlog.get_logger()


class Commands:
    """The commands in flight, by message id: at most `max_in_flight`, each waited for at most its own time."""

    def __init__(self, broker: Broker, backlog: Backlog, lifetime: timedelta, max_in_flight: int) -> None:
        self._broker, self._backlog = broker, backlog
        self._publisher = CommandPublisher(broker)
        self._lifetime = lifetime
        self._max_in_flight = max_in_flight
        self._in_flight: dict[UUID, Exchange] = {}

    async def send(
        self, command: Message, context: RequestContext, seconds: float, *, wants_final: bool = True
    ) -> Reply | None:
        """Send a command; return its latest reply, None when nobody answered within `seconds`.

        With `wants_final` an ACCEPTED reply is only returned when the final one did not come in time. Raises
        ProblemError `overloaded` when too many are in flight, or wait for the service already.
        """
        self._backlog.admit(command)
        if len(self._in_flight) >= self._max_in_flight:
            raise ProblemError("overloaded", "Too many requests are being worked on; send this one again in a moment.")
        exchange = Exchange(envelope(command, context, self._lifetime, self._broker.replies), wants_final=wants_final)
        self._in_flight[exchange.event_id] = exchange
        COMMANDS_IN_FLIGHT.inc()
        try:
            self._publisher.put(exchange)
            with context.timings.measured(command.contract.owner):
                return await exchange.reply(seconds)
        finally:
            del self._in_flight[exchange.event_id]
            COMMANDS_IN_FLIGHT.dec()

    async def on_reply(self, message: Msg) -> None:
        """Give a reply to who waits for it; one that nobody waits for any more is dropped."""
        try:
            reply = decode(message.data, Reply)
        except ValidationError as error:
            _LOG.warning("not a reply", errors=error.error_count())
            return
        if reply.causationid and (exchange := self._in_flight.get(reply.causationid)):
            exchange.take(reply.data)

    async def on_connected(self) -> None:
        """Send again what nobody has answered: the connection, or all that the broker knew, was lost."""
        self._publisher.restart(list(self._in_flight.values()))

    def close(self) -> None:
        """Stop sending."""
        self._publisher.close()
