"""Hands encoded commands to the wallet's own consumers, in place of the broker's delivery alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from nats.aio.client import Client
from nats.aio.msg import Msg

from apps.wallet.main import build
from apps.wallet.settings import WalletSettings
from contracts.topology import durable
from ops.bench.ledger.commands import Customer, fundings, openings
from outbox.subscriber import BATCHES_AT_ONCE

if TYPE_CHECKING:
    from outbox.service import Service

LEDGER = "wallet-ledger"
OPENING = "wallet-open-account"
PREFIX = str(WalletSettings.model_config["env_prefix"])


@dataclass
class Broker:
    """Where acknowledgements go: counted by what they say (nothing is +ACK)."""

    said: dict[str, int] = field(default_factory=dict)

    async def publish(self, _subject: str, payload: bytes = b"") -> None:
        """Count one acknowledgement."""
        kind = payload.split(b" ", 1)[0].decode() or "+ACK"
        self.said[kind] = self.said.get(kind, 0) + 1


class Teller:
    """The wallet service as its composition root makes it, but started by nobody: fed by hand, batch by batch."""

    def __init__(self, service: "Service", batch: int) -> None:
        self.service = service
        self.batch = batch
        self.broker = Broker()
        self._delivered = 0

    async def hand_over(self, consumer: str, payloads: Sequence[bytes]) -> list[float]:
        """Process commands in batches, as many under way as the service has; return the seconds that each took."""
        process = self.service.consumers[consumer].process
        places = asyncio.Semaphore(BATCHES_AT_ONCE)
        seconds: list[float] = []

        async def take(batch: Sequence[Msg]) -> None:
            started = time.perf_counter()
            try:
                await process(batch)
            finally:
                places.release()
            seconds.append(time.perf_counter() - started)

        async with asyncio.TaskGroup() as tasks:
            for start in range(0, len(payloads), self.batch):
                await places.acquire()
                tasks.create_task(take(self._messages(consumer, payloads[start : start + self.batch])))
        return seconds

    def _messages(self, consumer: str, payloads: Sequence[bytes]) -> list[Msg]:
        spec = durable(consumer)
        subject, stream, client = spec.subjects[0], spec.stream, cast("Client", self.broker)
        first = self._delivered + 1
        self._delivered += len(payloads)
        return [
            Msg(client, subject, f"$JS.ACK.{stream}.{consumer}.1.{n}.{n}.1700000000000000000.0", payload)
            for n, payload in enumerate(payloads, start=first)
        ]

    @property
    def not_handled(self) -> int:
        """How many messages were given back or ended as dead letters."""
        return sum(count for kind, count in self.broker.said.items() if kind != "+ACK")

    async def open_and_fund(self, customers: Sequence[Customer]) -> None:
        """Open the customers' wallets and bring money in, by the same commands as everywhere."""
        await self.hand_over(OPENING, openings(customers))
        await self.hand_over(LEDGER, fundings(customers))


@asynccontextmanager
async def teller_at(url: str, environment: Mapping[str, str], batch: int | None) -> AsyncIterator[Teller]:
    """Build the wallet service on the database at `url`, with the settings of its environment.

    Without `batch`, batches are as large as the service's largest.
    """
    given: dict[str, Any] = {n.removeprefix(PREFIX).lower(): v for n, v in environment.items() if n.startswith(PREFIX)}
    settings = WalletSettings(**given | {"database_url": url})
    service = build(settings)
    await service.database.open()
    try:
        yield Teller(service, batch or settings.batch_size)
    finally:
        await service.database.close()
