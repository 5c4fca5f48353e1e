"""How far a service's consumers are behind, and how busy its connections are: gauges for whoever watches."""

import asyncio
from collections.abc import Sequence

import nats.errors
import orjson
from nats.aio.client import Client

from contracts.topology import Durable
from outbox.database import Database
from outbox.metrics import CONSUMER_LAG, CONSUMER_REDELIVERIES, POOL_CONNECTIONS, POOL_LIMIT

_SECONDS = 2.0
_UNKNOWN = -1


class Lags:
    """Asks JetStream about the durables of one service. What cannot be known is -1."""

    def __init__(self, durables: Sequence[Durable], connection: Client, database: Database) -> None:
        self._durables, self._connection, self._database = durables, connection, database

    async def look(self) -> None:
        """Set the gauges."""
        await asyncio.gather(*(self._look(durable) for durable in self._durables))
        pool = self._database.pool
        idle = pool.get_idle_size()
        POOL_CONNECTIONS.labels("idle").set(idle)
        POOL_CONNECTIONS.labels("in_use").set(pool.get_size() - idle)
        POOL_LIMIT.set(pool.get_max_size())

    async def _look(self, durable: Durable) -> None:
        lag, redelivered = await self._ask(durable)
        CONSUMER_LAG.labels(durable.name).set(lag)
        CONSUMER_REDELIVERIES.labels(durable.name).set(redelivered)

    async def _ask(self, durable: Durable) -> tuple[int, int]:
        subject = f"$JS.API.CONSUMER.INFO.{durable.stream}.{durable.name}"
        try:
            answer = await self._connection.request(subject, b"", timeout=_SECONDS)
            told = orjson.loads(answer.data)
            return told["num_pending"] + told["num_ack_pending"], told["num_redelivered"]
        except (nats.errors.Error, OSError, TimeoutError, ValueError, KeyError):  # also a consumer that is not there
            return _UNKNOWN, _UNKNOWN
