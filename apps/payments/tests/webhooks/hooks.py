"""Outbound webhooks on a real database, without a broker."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from cryptography.fernet import Fernet

from apps.payments.domain.signing import SecretBox, SigningKeys
from apps.payments.queries.webhook_endpoints import EndpointRequests
from apps.payments.store import deliveries, hops
from apps.payments.store.delivery_queue import Lane
from apps.payments.store.hops import HopRow
from apps.payments.workers.deliver_webhooks import Sending, WebhookWorker
from apps.payments.workers.outgoing_http import OutgoingHttp
from contracts.ids import new_id
from contracts.message import Envelope, Message, envelope_of
from contracts.payments import CreateWebhookEndpoint, Delivery, DeliveryStatus, WebhookEndpoint
from outbox.database import Database
from outbox.ending import end
from outbox.transaction import Spoken, Transactions

M = TypeVar("M", bound=Message)
MERCHANT, CUSTOMER, STRANGER = (new_id() for _ in range(3))
PATIENCE = 20.0
LUCK = 0.95
"""Retries come late in their window: the first one after 4.75 s, so that tests say when it is."""
LANES = Lane(failing=False, total=64, each=4), Lane(failing=True, total=16, each=1)


def asking(message: M, *, late: bool = False) -> Envelope[M]:
    now = datetime.now(UTC)
    return envelope_of(type(message))(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=message.contract.type,
        time=now,
        correlationid="test",
        deadline=now + timedelta(seconds=-1 if late else 30),
        data=message,
    )


def hop(
    number: int = 1,
    *,
    intent: UUID | None = None,
    event: str | None = "payment_intent.succeeded",
    merchant: UUID | None = MERCHANT,
    at: datetime | None = None,
) -> HopRow:
    """A hop of a payment from CUSTOMER to `merchant`; without an event it is nobody else's business."""
    intent = intent or new_id()
    data = f'{{"payment_intent":{{"id":"{intent}","hop":{number}}}}}'
    return HopRow(
        intent_id=intent,
        number=number,
        at=at or datetime.now(UTC),
        trigger="posted",
        state="succeeded",
        cause=None,
        operation=None,
        event_id=new_id() if event else None,
        event=event,
        data=data if event else None,
        customer=CUSTOMER,
        merchant=merchant,
    )


class Hooks:
    """Endpoints, events and deliveries of one database; `sending` starts the worker."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.transactions = Transactions(database, "payments", self._hear)
        self.box = SecretBox(Fernet.generate_key().decode())
        self.keys = SigningKeys(base64.b64encode(bytes(range(32))).decode())
        self.requests = EndpointRequests(self.transactions, self.box, inside=True)
        self.woken = 0
        self.worker: WebhookWorker | None = None

    async def _hear(self, spoken: Spoken) -> None:
        if deliveries.WORKER in spoken.wakes:
            self.woken += 1
            if self.worker:
                self.worker.wake()

    def new_worker(self, lanes: tuple[Lane, ...] = LANES) -> WebhookWorker:
        sending = Sending(OutgoingHttp(inside=True), self.box, self.keys, lanes, lambda: LUCK)
        return WebhookWorker(self.transactions, sending)

    @asynccontextmanager
    async def sending(self, lanes: tuple[Lane, ...] = LANES) -> AsyncIterator[WebhookWorker]:
        self.worker = self.new_worker(lanes)
        running = asyncio.create_task(self.worker.run())
        try:
            yield self.worker
            assert not running.done()
        finally:
            await end([running])
            self.worker = None

    async def endpoint(self, url: str, *events: str, owner: UUID = MERCHANT) -> WebhookEndpoint:
        message = CreateWebhookEndpoint(owner=owner, url=url, events=list(events) or ["*"])
        return await self.requests.create(self.database, asking(message))

    async def tell(self, *told: HopRow) -> None:
        """Commit hops and their deliveries, as the payment machine does."""
        async with self.transactions.begin() as tx:
            await hops.insert(tx, told)
            await deliveries.fan_out(tx, told)

    async def pay(self, intent: UUID, merchant: UUID | None = MERCHANT) -> None:
        """Have a payment intent that hops can be joined with."""
        await self.database.pool.execute(
            """
            INSERT INTO payment_intent (id, customer, merchant, source_wallet, destination_wallet, amount, currency,
                                        state, attempt, created_at, updated_at)
            VALUES ($1, $2, $3, gen_random_uuid(), gen_random_uuid(), 100, 'EUR', 'requires_confirmation', 0, now(),
                    now())
            """,
            intent, CUSTOMER, merchant,
        )  # fmt: skip

    async def deliveries(self, endpoint: UUID, status: DeliveryStatus | None = None) -> list[Delivery]:
        """An endpoint's deliveries, oldest first."""
        async with self.database.reads() as reads:
            return (await deliveries.load_page(reads, endpoint, status, None, 1000))[::-1]

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
        """Wait until something holds. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not await holds():  # noqa: ASYNC110 - what it waits for is in the database
                await asyncio.sleep(0.02)

    async def settled(self, endpoint: UUID, number: int) -> Sequence[Delivery]:
        """Wait until so many deliveries of an endpoint have ended."""

        async def have_ended() -> bool:
            ended = [d for d in await self.deliveries(endpoint) if d.status is not DeliveryStatus.PENDING]
            return len(ended) >= number

        await self.until(have_ended)
        return await self.deliveries(endpoint)

    async def attempted(self, endpoint: UUID, number: int) -> Sequence[Delivery]:
        """Wait until so many attempts of an endpoint's deliveries are recorded."""

        async def are_recorded() -> bool:
            return sum(len(d.attempts) for d in await self.deliveries(endpoint)) >= number

        await self.until(are_recorded)
        return await self.deliveries(endpoint)

    async def bring_forward(self) -> None:
        """Let all that waits for another try be due now."""
        await self.database.pool.execute("UPDATE webhook_delivery SET next_at = now() WHERE next_at > now()")
        if self.worker:
            self.worker.wake()

    async def bring_forward_tried(self) -> None:
        """Let what failed be due now, and neither what is in hand nor what waits for an earlier one."""
        await self.database.pool.execute(
            """
            UPDATE webhook_delivery d SET next_at = now() FROM webhook_attempt a
            WHERE d.next_at > now() AND a.delivery_id = d.id AND a.number = d.tries
            """
        )
        if self.worker:
            self.worker.wake()
