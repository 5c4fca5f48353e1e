"""Take a processor's webhook in: whoever sent it proves it first, and what it says takes effect afterwards."""

from collections.abc import Mapping

from prometheus_client import Counter

from apps.payments.processors.port import MalformedWebhookError, Processor, SignatureError
from apps.payments.store import inbound
from apps.payments.store.inbound import NewWebhook
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.payments import AcceptWebhook, WebhookAccepted
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transactions

WORKER = "inbound"
WEBHOOKS = Counter(
    "ledgerlink_payments_webhooks_received_total",
    "Webhooks from processors, by what was done with them at the door",
    ["processor", "result"],
)
_KEPT_HEADERS = frozenset(
    {
        "content-type",
        "stripe-signature",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)


async def accept_webhook(
    _database: Database,
    query: Envelope[AcceptWebhook],
    *,
    transactions: Transactions,
    processors: Mapping[str, Processor],
) -> WebhookAccepted:
    """Verify and keep a webhook, once for each event.

    Raises Refused `processor_not_found`, `signature_invalid`, `webhook_malformed`.
    """
    asked = query.data
    processor = processors.get(asked.processor)
    if processor is None:
        WEBHOOKS.labels("", "processor_not_found").inc()
        raise Refused("processor_not_found", "There is no such processor.", "processor")
    headers = {name.lower(): value for name, value in asked.headers.items()}
    try:
        event = processor.event_of(headers, asked.body)
    except SignatureError as error:
        WEBHOOKS.labels(processor.name, "signature_invalid").inc()
        detail = "The signature is missing or wrong, or its timestamp is more than five minutes from now."
        raise Refused("signature_invalid", detail) from error
    except MalformedWebhookError as error:
        WEBHOOKS.labels(processor.name, "webhook_malformed").inc()
        raise Refused("webhook_malformed", f"The body is signed, but {error}.") from error
    kept = {name: headers[name] for name in _KEPT_HEADERS & headers.keys()}
    async with transactions.begin() as tx:
        identifier, is_new = await inbound.keep(tx, NewWebhook(new_id(), processor.name, event, kept, asked.body))
        tx.wake(WORKER)
    WEBHOOKS.labels(processor.name, "accepted" if is_new else "repeated").inc()
    return WebhookAccepted(id=identifier, is_new=is_new)
