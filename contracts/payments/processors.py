"""What processors say of their own accord, and what only a person can settle."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Base64Bytes, Field

from contracts.message import Message, event, query
from contracts.payments.methods import ProcessorName


class WebhookAccepted(Message):
    """A processor's webhook is kept. `is_new` is false when the same event was kept before."""

    id: UUID7
    is_new: bool


@query("payments", "accept_webhook", senders=("gateway",), answer=WebhookAccepted)
class AcceptWebhook(Message):
    """Verify and keep a processor's webhook, raw as it came; what it says takes effect afterwards.

    A request, not a command: what strangers send does not enter a stream before its signature is verified. Refused with
    `processor_not_found`, `signature_invalid`, `webhook_malformed`.
    """

    processor: ProcessorName
    headers: Mapping[str, str]
    body: Base64Bytes


@event("payments", "operation.needs_attention")
class OperationNeedsAttention(Message):
    """What became of an operation at a processor is not known for days, or told otherwise later: a person must ask."""

    operation_id: UUID7
    payment_intent: UUID7
    processor: ProcessorName
    asked_at: AwareDatetime
    tries: int


@event("payments", "ledger.differs")
class LedgerDiffers(Message):
    """A payment and the ledger do not agree; `difference` says in what."""

    payment_intent: UUID7
    operation_id: UUID7
    difference: Annotated[str, Field(max_length=500)]
    found_at: AwareDatetime
