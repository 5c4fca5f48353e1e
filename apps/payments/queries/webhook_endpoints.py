"""Manage webhook endpoints. A secret is in the answer that makes it, and in no other."""

from dataclasses import replace
from datetime import timedelta

from apps.payments.domain.delivering import DisabledReason, body_of, unknown_filters
from apps.payments.domain.endpoint_urls import UrlRefusedError, target_of
from apps.payments.domain.signing import SecretBox, SigningKeys, new_secret
from apps.payments.store import deliveries, endpoints
from apps.payments.store.deliveries import NewDelivery
from apps.payments.store.endpoints import EndpointRow
from contracts.ids import new_id
from contracts.message import Envelope, Message
from contracts.payments import (
    ENDPOINTS_LIMIT,
    EVENT_TYPES,
    TEST_EVENT,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    Delivery,
    EndpointStatus,
    GetWebhookEndpoint,
    GetWebhookKeys,
    ListWebhookEndpoints,
    RotateWebhookSecret,
    SendTestEvent,
    UpdateWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookKeys,
)
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction, Transactions


class EndpointRequests:
    """Answers what is asked about endpoints. `inside` is for development: they may be on this machine."""

    def __init__(self, transactions: Transactions, box: SecretBox, *, inside: bool) -> None:
        self._transactions = transactions
        self._box = box
        self._inside = inside

    async def create(self, _database: Database, request: Envelope[CreateWebhookEndpoint]) -> WebhookEndpoint:
        """Add an endpoint. Refused with `endpoint_url_refused`, `unknown_event_type` or `too_many_endpoints`."""
        asked = request.data
        self._check_url(asked.url)
        _check_events(asked.events)
        secret = new_secret()
        async with self._transactions.begin() as tx:
            check_time(tx, request)
            if await endpoints.lock_owner(tx, asked.owner) >= ENDPOINTS_LIMIT:
                raise Refused("too_many_endpoints", f"You have {ENDPOINTS_LIMIT} endpoints already; delete one first.")
            row = EndpointRow(
                id=new_id(),
                owner=asked.owner,
                url=asked.url,
                events=tuple(asked.events),
                description=asked.description,
                status=EndpointStatus.ENABLED,
                secret=self._box.seal(secret),
                created_at=tx.now,
                updated_at=tx.now,
            )
            await endpoints.insert(tx, row)
        return _shown(row, secret)

    async def update(self, _database: Database, request: Envelope[UpdateWebhookEndpoint]) -> WebhookEndpoint:
        """Change an endpoint. Refused with `endpoint_not_found`, `endpoint_url_refused` or `unknown_event_type`.

        One that moves or is enabled again starts with a clean slate.
        """
        asked = request.data
        if asked.url is not None:
            self._check_url(asked.url)
        _check_events(asked.events or [])
        async with self._transactions.begin() as tx:
            check_time(tx, request)
            row = _changed(found(await endpoints.lock(tx, asked.owner, asked.id)), asked)
            row = replace(row, updated_at=tx.now)
            await endpoints.update(tx, row)
        return _shown(row)

    async def delete(self, _database: Database, request: Envelope[DeleteWebhookEndpoint]) -> WebhookEndpoint:
        """Remove an endpoint; what is pending is not sent any more. Refused with `endpoint_not_found`."""
        async with self._transactions.begin() as tx:
            check_time(tx, request)
            row = found(await endpoints.lock(tx, request.data.owner, request.data.id))
            await endpoints.delete(tx, row.id)
        return _shown(row)

    async def rotate(self, _database: Database, request: Envelope[RotateWebhookSecret]) -> WebhookEndpoint:
        """Make a new secret; the one before signs, too, for a while. Refused with `endpoint_not_found`."""
        secret = new_secret()
        asked = request.data
        async with self._transactions.begin() as tx:
            check_time(tx, request)
            row = found(await endpoints.lock(tx, asked.owner, asked.id))
            overlap = timedelta(hours=asked.overlap_hours)
            row = replace(
                row,
                secret=self._box.seal(secret),
                old_secret=row.secret if overlap else None,
                old_until=tx.now + overlap if overlap else None,
                updated_at=tx.now,
            )
            await endpoints.update(tx, row)
        return _shown(row, secret)

    async def send_test_event(self, _database: Database, request: Envelope[SendTestEvent]) -> Delivery:
        """Send a test event to an enabled endpoint. Refused with `endpoint_not_found` or `endpoint_disabled`."""
        asked = request.data
        async with self._transactions.begin() as tx:
            check_time(tx, request)
            row = found(await endpoints.lock(tx, asked.owner, asked.id))
            check_enabled(row, "id")
            event_id = new_id()
            body = body_of(event_id, TEST_EVENT, tx.now, f'{{"webhook_endpoint":"{row.id}"}}')
            new = NewDelivery(row.id, row.owner, event_id, TEST_EVENT, None, 0, body)
            (delivery,) = await deliveries.add(tx, [new])
            return await deliveries.load(tx, delivery)

    def _check_url(self, url: str) -> None:
        try:
            target_of(url, inside=self._inside)
        except UrlRefusedError as refused:
            raise Refused("endpoint_url_refused", f"Nothing is sent to this URL. {refused}", "url") from None


async def get_webhook_endpoint(database: Database, request: Envelope[GetWebhookEndpoint]) -> WebhookEndpoint:
    """Return an endpoint of the owner's. Refused with `endpoint_not_found`."""
    async with database.reads() as reads:
        return _shown(found(await endpoints.load(reads, request.data.owner, request.data.id)))


async def list_webhook_endpoints(database: Database, request: Envelope[ListWebhookEndpoints]) -> WebhookEndpoints:
    """Return all endpoints of an owner, oldest first."""
    async with database.reads() as reads:
        rows = await endpoints.load_all(reads, request.data.owner)
    return WebhookEndpoints(endpoints=[_shown(row) for row in rows])


async def get_webhook_keys(keys: SigningKeys, _database: Database, _request: Envelope[GetWebhookKeys]) -> WebhookKeys:
    """Return the JWK set that verifies `v1a` signatures."""
    return WebhookKeys(keys=keys.jwks)


def check_time(tx: Transaction, request: Envelope[Message]) -> None:
    """Do nothing for somebody who has stopped waiting for the answer. Raises Refused with `deadline_exceeded`."""
    if request.is_late(tx.now):
        raise Refused("deadline_exceeded", "The request came too late to be worked on; send it again.")


def found(row: EndpointRow | None, parameter: str = "id") -> EndpointRow:
    """Return the endpoint. Raises Refused with `endpoint_not_found` when there is none."""
    if row is None:
        raise Refused("endpoint_not_found", "There is no such webhook endpoint among yours.", parameter)
    return row


def check_enabled(row: EndpointRow, parameter: str) -> None:
    """Raise Refused with `endpoint_disabled` for an endpoint to which nothing is sent."""
    if row.status is not EndpointStatus.ENABLED:
        raise Refused("endpoint_disabled", "The endpoint is disabled; enable it first.", parameter)


def _changed(row: EndpointRow, asked: UpdateWebhookEndpoint) -> EndpointRow:
    moves = asked.url is not None and asked.url != row.url
    status = asked.status or row.status
    reason = row.disabled_reason
    if status is not row.status:
        reason = DisabledReason.REQUESTED.value if status is EndpointStatus.DISABLED else None
    enabled_again = status is EndpointStatus.ENABLED and row.status is EndpointStatus.DISABLED
    return replace(
        row,
        url=asked.url or row.url,
        events=tuple(asked.events or row.events),
        description=row.description if asked.description is None else asked.description,
        status=status,
        disabled_reason=reason,
        failing_since=None if moves or enabled_again else row.failing_since,
    )


def _check_events(events: list[str]) -> None:
    unknown = unknown_filters(events, EVENT_TYPES)
    if unknown:
        raise Refused("unknown_event_type", f"There are no such events: {', '.join(unknown)}.", "events")


def _shown(row: EndpointRow, secret: str | None = None) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=row.id,
        url=row.url,
        events=list(row.events),
        description=row.description,
        status=row.status,
        disabled_reason=row.disabled_reason,
        secret=secret,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
