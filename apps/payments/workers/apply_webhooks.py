"""Gives what processors' webhooks say to the machine; what is about nothing that we know yet waits, and is not lost."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from prometheus_client import Counter

from apps.payments.domain.asking_again import parked_until
from apps.payments.domain.deciding import Ignored
from apps.payments.domain.processing import DisputeNews, OperationNews
from apps.payments.domain.signals import DisputeWord, OperationResult, Signal
from apps.payments.store import inbound
from apps.payments.store.inbound import Looked, Named, Webhook, WebhookStatus
from apps.payments.workers.late_words import told_otherwise
from outbox.database import is_transient
from outbox.metrics import JOB_FAILURES
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
NAME = "inbound"
POLL_SECONDS = 1.0
BATCH = 200

LOOKED_AT = Counter(
    "ledgerlink_payments_webhooks_looked_at_total",
    "Looks at processors' webhooks, by what became of them",
    ["processor", "status"],
)

Apply = Callable[[Transaction, Sequence[Signal]], Awaitable[Sequence[object]]]
"""Gives signals to the machine, in a transaction, and returns what became of each (handlers.signals)."""


def inbound_worker(transactions: Transactions, apply: Apply) -> Worker:
    """Return the worker `inbound`."""
    return Worker(NAME, partial(apply_webhooks, transactions, apply), POLL_SECONDS)


async def apply_webhooks(transactions: Transactions, apply: Apply) -> bool:
    """Look at the webhooks that are due, at most `BATCH`; those that cannot be applied together, alone."""
    try:
        async with transactions.begin() as tx:
            due = await inbound.lock_due(tx, BATCH)
            await _look_at(tx, due, apply)
    except Exception as error:
        if is_transient(error):
            raise
        _LOG.exception("webhooks not applied, trying one by one")
        return await _one_by_one(transactions, apply)
    return len(due) == BATCH


async def _one_by_one(transactions: Transactions, apply: Apply) -> bool:
    """Look at each webhook in a transaction of its own; one that fails is parked, so that it delays no other."""
    for _ in range(BATCH):
        due: list[Webhook] = []
        try:
            async with transactions.begin() as tx:
                due = await inbound.lock_due(tx, 1)
                await _look_at(tx, due, apply)
        except Exception as error:
            if is_transient(error) or not due:
                raise
            JOB_FAILURES.labels(NAME).inc()
            _LOG.exception("webhook not applied", webhook=str(due[0].id))
            async with transactions.begin() as tx:
                await inbound.update(tx, [_parked(due[0], tx.now)])
        if not due:
            return False
    return True


async def _look_at(tx: Transaction, due: Sequence[Webhook], apply: Apply) -> None:
    named = await _operations_named(tx, due)
    matched = [(webhook, match) for webhook in due if (match := match_of(webhook, named))]
    outcomes = await apply(tx, [match.signal for _, match in matched]) if matched else []
    ended = {
        webhook.id: _ended(webhook, match.intent_id, outcome, tx.now)
        for (webhook, match), outcome in zip(matched, outcomes, strict=True)
    }
    ended |= await _contradictions(
        tx, [pair for pair, outcome in zip(matched, outcomes, strict=True) if _late(outcome)]
    )
    looked = [ended.get(webhook.id) or _parked(webhook, tx.now) for webhook in due]
    await inbound.update(tx, looked)
    for webhook, now in zip(due, looked, strict=True):
        LOOKED_AT.labels(webhook.processor, now.status.value).inc()
        if now.status is WebhookStatus.ATTENTION:
            _LOG.warning("webhook needs attention", webhook=str(webhook.id), processor=webhook.processor)


def _late(outcome: object) -> bool:
    return outcome is Ignored.UNKNOWN_OPERATION


async def _contradictions(tx: Transaction, late: Sequence[tuple[Webhook, "Match"]]) -> dict[UUID, Looked]:
    """Find what says of a settled operation that it ended otherwise, and tell a person; by the webhook's id."""
    said = [(w, m.signal) for w, m in late if isinstance(m.signal, OperationResult)]
    found = zip(said, await told_otherwise(tx, [signal for _, signal in said]), strict=True)
    return {
        webhook.id: Looked(webhook.id, WebhookStatus.ATTENTION, intent_id, webhook.tries + 1, None, None)
        for (webhook, _), intent_id in found
        if intent_id
    }


@dataclass(frozen=True, slots=True)
class Match:
    """What a webhook says, in the machine's terms, and the payment that it is about."""

    signal: Signal
    intent_id: UUID


def match_of(webhook: Webhook, named: Sequence[Named]) -> Match | None:
    """Find what a webhook is about; only an operation at the processor that sent it can be it.

    Several operations may share a reference (an authorisation and its captures): an open one comes first, then the
    newest.
    """
    news = webhook.news
    theirs = [operation for operation in named if operation.processor == webhook.processor]
    if isinstance(news, DisputeNews):
        about = _of_reference(theirs, news.parent)
        return Match(DisputeWord(about.intent_id, webhook.processor, news), about.intent_id) if about else None
    if news.operation_id is not None:
        about = next((operation for operation in theirs if operation.id == news.operation_id), None)
    else:
        about = _of_reference(theirs, news.reference)
    return Match(OperationResult(about.id, news.result), about.intent_id) if about else None


def _of_reference(operations: Sequence[Named], reference: str | None) -> Named | None:
    having = [operation for operation in operations if reference is not None and operation.reference == reference]
    return max(having, key=lambda operation: (operation.is_open, operation.id), default=None)


async def _operations_named(tx: Transaction, due: Sequence[Webhook]) -> Sequence[Named]:
    ids = {w.news.operation_id for w in due if isinstance(w.news, OperationNews) and w.news.operation_id}
    references = {(w.processor, reference) for w in due if (reference := _reference_in(w.news))}
    return await inbound.operations_named(tx, ids, references)


def _reference_in(news: OperationNews | DisputeNews) -> str | None:
    if isinstance(news, DisputeNews):
        return news.parent
    return news.reference if news.operation_id is None else None


def _ended(webhook: Webhook, intent_id: UUID, outcome: object, now: datetime) -> Looked:
    """Return what has become of a webhook by what the machine made of it."""
    if outcome is Ignored.TOO_EARLY:
        return _parked(webhook, now, intent_id)
    if outcome is Ignored.OTHER_CURRENCY:
        return Looked(webhook.id, WebhookStatus.ATTENTION, intent_id, webhook.tries + 1, None, None)
    status = WebhookStatus.IGNORED if isinstance(outcome, Ignored) else WebhookStatus.APPLIED
    return Looked(webhook.id, status, intent_id, webhook.tries + 1, None, now)


def _parked(webhook: Webhook, now: datetime, intent_id: UUID | None = None) -> Looked:
    tries = webhook.tries + 1
    until = parked_until(tries, webhook.received_at, now)
    status = WebhookStatus.PARKED if until else WebhookStatus.ATTENTION
    return Looked(webhook.id, status, intent_id, tries, until, None)
