"""Read processors' webhooks that have not taken effect, and have one looked at again."""

from apps.payments.queries.webhook_endpoints import check_time
from apps.payments.store import parked
from contracts.message import Envelope
from contracts.payments import ListParkedWebhooks, ParkedWebhook, ParkedWebhookPage, RetryWebhook
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transactions

WORKER = "inbound"


async def list_parked_webhooks(database: Database, query: Envelope[ListParkedWebhooks]) -> ParkedWebhookPage:
    """Return a page of the webhooks that wait for what they are about, or were given up, newest first."""
    asked = query.data
    async with database.reads() as reads:
        found = await parked.load_page(reads, asked, asked.limit + 1)
    shown = found[: asked.limit]
    return ParkedWebhookPage(webhooks=shown, next_before=shown[-1].id if len(found) > asked.limit else None)


async def retry_webhook(
    transactions: Transactions, _database: Database, request: Envelope[RetryWebhook]
) -> ParkedWebhook:
    """Have a webhook looked at now. Refused with `parked_webhook_not_found`, also when it has taken effect."""
    async with transactions.begin() as tx:
        check_time(tx, request)
        found = await parked.retry(tx, request.data.id)
        if found is None:
            raise Refused("parked_webhook_not_found", "No webhook with this id waits, or was given up.", "id")
        tx.wake(WORKER)
    return found
