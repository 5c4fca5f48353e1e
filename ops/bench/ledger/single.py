"""One transfer at a time on an idle, running system: from the command to its posted event at a subscriber."""

import asyncio
import time
from uuid import UUID

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.ids import new_id
from contracts.topology import durable
from contracts.wallet import PostTransfer, TransferPosted
from ops.bench.ledger.commands import Payments
from ops.stack.stack import Stack
from outbox.connection import connect
from outbox.settings import BrokerSettings

SENDER = "payments"
SUBSCRIBER = "payments-ledger-outcome"
_ANSWER_SECONDS = 10.0
_PULL_SECONDS = 600
_PULL_MESSAGES = 100_000
_WARM_UPS = 20
_PAUSE_SECONDS = 0.005


class Subscriber:
    """Stands where the payments service does, which does not run: sends its commands, reads what it would read."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._waiting: dict[str, asyncio.Future[float]] = {}

    async def listen(self) -> None:
        """Ask the durable for all that comes, as the service's own subscriber does."""
        spec = durable(SUBSCRIBER)
        inbox = self._nc.new_inbox()
        await self._nc.subscribe(inbox, cb=self._take)
        request = {"batch": _PULL_MESSAGES, "expires": _PULL_SECONDS * 10**9}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{spec.stream}.{spec.name}"
        await self._nc.publish(subject, orjson.dumps(request), reply=inbox)

    async def _take(self, message: Msg) -> None:
        arrived = time.perf_counter()
        if message.reply.startswith("$JS.ACK."):
            await message.ack()
        if not message.data:
            return
        event = orjson.loads(message.data)
        if event.get("type") == TransferPosted.contract.type:
            waiting = self._waiting.pop(event["data"]["transfer"]["id"], None)
            if waiting is not None:
                waiting.set_result(arrived)

    async def seconds_until_posted(self, transfer: UUID, command: bytes) -> float:
        """Send a command; return the seconds until its event is here. Raises TimeoutError."""
        posted: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[str(transfer)] = posted
        headers = {"Nats-Msg-Id": str(new_id())}
        sent = time.perf_counter()
        await self._nc.publish(PostTransfer.contract.subject, command, headers=headers)
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await posted - sent


async def measure_singles(stack: Stack, payments: Payments, number: int, seconds: float) -> list[float]:
    """Return the seconds of up to `number` transfers, each sent when the one before is posted, within `seconds`."""
    environment = stack.parts.environments.service(SENDER)
    prefix = SENDER.upper()
    settings = BrokerSettings(nats_url=environment[f"{prefix}_NATS_URL"], nats_seed=environment[f"{prefix}_NATS_SEED"])
    nc = await connect(settings, SENDER)
    try:
        subscriber = Subscriber(nc)
        await subscriber.listen()
        for _ in range(_WARM_UPS):
            await _one(subscriber, payments)
        measured: list[float] = []
        end = time.perf_counter() + seconds
        while len(measured) < number and time.perf_counter() < end:
            await asyncio.sleep(_PAUSE_SECONDS)
            measured.append(await _one(subscriber, payments))
    finally:
        await nc.close()
    return measured


async def _one(subscriber: Subscriber, payments: Payments) -> float:
    transfer = new_id()
    return await subscriber.seconds_until_posted(transfer, payments.one(transfer))
