"""Refunds: captured money that goes back to where it came from."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency
from contracts.payments.intents import PAGE_LIMIT
from contracts.wallet import Metadata


class RefundStatus(StrEnum):
    """Where a refund stands; `pending` may still become either."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundReason(StrEnum):
    """Why money goes back."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"


class Refund(Message):
    """Money on its way back. All refunds and disputes of a payment together never exceed what was captured."""

    id: UUID7
    payment_intent: UUID7
    amount: Amount
    currency: Currency
    reason: RefundReason | None = None
    metadata: Metadata | None = None
    status: RefundStatus
    failure: Problem | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class RefundPage(Message):
    """Refunds, newest first; `next_before` continues after the last one, and is None at the end."""

    refunds: list[Refund]
    next_before: UUID7 | None = None


@command("payments", "create_refund", senders=("gateway",), answer=Refund)
class CreateRefund(Message):
    """Give back `amount` of a payment (None: all that is left). Only its merchant may."""

    refund_id: UUID7
    payment_intent_id: UUID7
    merchant: UUID7
    amount: Amount | None = None
    reason: RefundReason | None = None
    metadata: Metadata | None = None
    idempotency: Idempotency


@event("payments", "refund.created")
class RefundCreated(Message):
    """A refund is on its way."""

    refund: Refund


@event("payments", "refund.succeeded")
class RefundSucceeded(Message):
    """A refund has its ledger effects."""

    refund: Refund


@event("payments", "refund.failed")
class RefundFailed(Message):
    """A refund changed nothing; `failure` says why."""

    refund: Refund


@query("payments", "get_refund", senders=("gateway",), answer=Refund)
class GetRefund(Message):
    """Read one refund of a payment of the party's. Refused with `refund_not_found`."""

    id: UUID7
    party: UUID7


@query("payments", "list_refunds", senders=("gateway",), answer=RefundPage)
class ListRefunds(Message):
    """Read refunds of the party's payments (or of one), newest first, those older than `before`."""

    party: UUID7
    payment_intent: UUID7 | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20
