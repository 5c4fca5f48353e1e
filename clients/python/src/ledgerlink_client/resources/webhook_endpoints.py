"""Webhook endpoints: where one's own system hears of its payments.

They are changed without an Idempotency-Key: after OutcomeUnknownError, look before you repeat.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.webhooks import Delivery, DeliveryStatus, EndpointStatus, Replayed, WebhookEndpoint

_PATH = "/v1/webhook_endpoints"


class WebhookEndpoints:
    """The webhook endpoints of the user that asks; see ledgerlink_client.webhooks for what comes to them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(self, url: str, events: Sequence[str], description: str | None = None) -> WebhookEndpoint:
        """Have events sent to a URL; the answer has the `secret` that they are signed with, once."""
        body = given(url=url, events=list(events), description=description)
        return await self._calls.change(_PATH, WebhookEndpoint, body)

    async def get(self, endpoint: UUID | str) -> WebhookEndpoint:
        """Read an endpoint."""
        return await self._calls.get(f"{_PATH}/{endpoint}", WebhookEndpoint)

    def list(self) -> Listing[WebhookEndpoint]:
        """List all endpoints, oldest first."""
        return Listing(self._calls, _PATH, WebhookEndpoint, "endpoints", query={})

    async def update(
        self,
        endpoint: UUID | str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        status: EndpointStatus | None = None,
    ) -> WebhookEndpoint:
        """Change an endpoint; what is left out stays."""
        body = given(url=url, events=events and list(events), description=description, status=status)
        return await self._calls.change(f"{_PATH}/{endpoint}", WebhookEndpoint, body, method="PATCH")

    async def delete(self, endpoint: UUID | str) -> None:
        """Remove an endpoint; nothing more is sent to it."""
        await self._calls.do(f"{_PATH}/{endpoint}", method="DELETE")

    async def rotate_secret(self, endpoint: UUID | str, *, overlap_hours: int = 24) -> WebhookEndpoint:
        """Make a new secret; for `overlap_hours` webhooks are signed with the old one, too."""
        body = {"overlap_hours": overlap_hours}
        return await self._calls.change(f"{_PATH}/{endpoint}/rotate_secret", WebhookEndpoint, body)

    async def test(self, endpoint: UUID | str) -> Delivery:
        """Send an event of type `endpoint.test`."""
        return await self._calls.change(f"{_PATH}/{endpoint}/test", Delivery, None)

    def deliveries(
        self, endpoint: UUID | str, *, status: DeliveryStatus | None = None, limit: int = 20
    ) -> Listing[Delivery]:
        """List what was sent to an endpoint, newest first, with every attempt."""
        query = {"status": status, "limit": limit}
        return Listing(self._calls, f"{_PATH}/{endpoint}/deliveries", Delivery, "deliveries", query=query)

    async def redeliver(self, delivery: UUID | str) -> Delivery:
        """Send a delivery again, now."""
        return await self._calls.change(f"/v1/webhook_deliveries/{delivery}/redeliver", Delivery, None)

    async def replay(self, endpoint: UUID | str, since: datetime) -> Replayed:
        """Send again all that happened since then, a bounded part at a time: continue with `next_since`."""
        return await self._calls.change(f"{_PATH}/{endpoint}/replay", Replayed, {"since": since})
