"""Sends webhooks until they are taken, several at the same time, and after a restart those that were left."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httptools

from apps.sandbox_processor.domain.retrying import again_after
from apps.sandbox_processor.domain.signing import signed_headers
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import deliveries
from apps.sandbox_processor.store.deliveries import Webhook
from apps.sandbox_processor.workers.bell import Bell
from apps.sandbox_processor.workers.connections import Connections

AT_THE_SAME_TIME = 16
DEADLINE = 10.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": "sandbox-processor/1"}
_TAKEN = range(200, 300)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Where an account's webhooks go, and the key that signs them."""

    connections: Connections
    key: bytes


class WebhookSender:
    """Sends what is due. Its `run` goes on for ever."""

    def __init__(self, network: Network, bell: Bell, subscribers: Mapping[str, Subscriber]) -> None:
        self._network = network
        self._bell = bell
        self._subscribers = subscribers
        self._sending: set[int] = set()

    async def run(self) -> None:
        """Send every webhook when it is due."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    now = time.time()
                    for webhook in self._due(now):
                        group.create_task(self._send(webhook))
                    due = deliveries.next_due(self._network.database, now)
                    await self._bell.wait(None if due is None else max(0.0, due - time.time()))
        finally:
            for subscriber in self._subscribers.values():
                subscriber.connections.close()

    def _due(self, now: float) -> list[Webhook]:
        """Return what may be sent now. A row stays due while it is sent: after a crash it is sent again."""
        due = deliveries.due(self._network.database, now, AT_THE_SAME_TIME + len(self._sending))
        free = AT_THE_SAME_TIME - len(self._sending)
        chosen = [webhook for webhook in due if webhook.number not in self._sending][:free]
        self._sending.update(webhook.number for webhook in chosen)
        return chosen

    async def _send(self, webhook: Webhook) -> None:
        try:
            problem = await self._problem(webhook)
            if problem is None:
                deliveries.taken(self._network.database, webhook.number)
            else:
                self._not_taken(webhook, problem)
        finally:
            self._sending.discard(webhook.number)
            self._bell.ring()

    async def _problem(self, webhook: Webhook) -> str | None:
        """Send a webhook; return None when it was taken, else why not."""
        subscriber = self._subscribers.get(webhook.account)
        if subscriber is None:
            return "the account exists no more"
        signed = signed_headers(subscriber.key, webhook.event_id, int(time.time()), webhook.body)
        try:
            status = await subscriber.connections.post(_HEADERS | signed, webhook.body, DEADLINE)
        except (OSError, httptools.HttpParserError) as error:  # a TimeoutError is an OSError
            return str(error) or type(error).__name__
        return None if status in _TAKEN else f"answered {status}"

    def _not_taken(self, webhook: Webhook, problem: str) -> None:
        now, attempts = time.time(), webhook.attempts + 1
        delay = again_after(attempts, now - webhook.first_due, self._network.seed, webhook.event_id)
        deliveries.refused(self._network.database, webhook.number, None if delay is None else now + delay)
        again = "given up" if delay is None else f"again in {delay:.1f} s"
        _log.warning("webhook %s of %s was not taken (%s): %s", webhook.event_id, webhook.account, problem, again)
