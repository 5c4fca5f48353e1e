"""Stripe's words, and what they mean in those that all processors share."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from apps.payments.domain.processing import DisputeNews, OperationNews, Result, ResultStatus
from apps.payments.processors.declines import decline
from contracts.money import MAX_AMOUNT
from contracts.payments import DisputeStatus

OPERATION = "ledgerlink_operation"
"""The metadata key under which an object says which of our operations made it."""
CAPTURE = "ledgerlink_capture"
"""The one under which a payment intent says which of our operations captured it last."""

# Where Stripe's smallest unit is not ISO 4217's minor unit: ours times or by so much
# (https://docs.stripe.com/currencies, "Special cases" and "Zero-decimal currencies").
_TIMES: Mapping[str, int] = MappingProxyType({"ISK": 100, "UGX": 100})
_BY: Mapping[str, int] = MappingProxyType({"MGA": 100})

_BANKS: Mapping[str, str] = MappingProxyType({"EUR": "sepa_debit", "USD": "us_bank_account", "GBP": "bacs_debit"})

_DISPUTES: Mapping[str, DisputeStatus] = MappingProxyType(
    {
        "needs_response": DisputeStatus.NEEDS_RESPONSE,
        "warning_needs_response": DisputeStatus.NEEDS_RESPONSE,
        "under_review": DisputeStatus.UNDER_REVIEW,
        "warning_under_review": DisputeStatus.UNDER_REVIEW,
        "won": DisputeStatus.WON,
        "warning_closed": DisputeStatus.WON,
        "prevented": DisputeStatus.WON,
        "lost": DisputeStatus.LOST,
    }
)


def amount_for(amount: int, currency: str) -> int | None:
    """Return an amount as Stripe counts it; None when Stripe cannot move it (a fifth of an ariary)."""
    whole, rest = divmod(amount * _TIMES.get(currency, 1), _BY.get(currency, 1))
    return None if rest else whole


def amount_from(amount: int, currency: str) -> int:
    """Return Stripe's amount in our minor units."""
    return amount * _BY.get(currency, 1) // _TIMES.get(currency, 1)


def method_type_for(method: str, currency: str) -> str | None:
    """Return Stripe's payment method type for card or bank; None where it has none for the currency."""
    return "card" if method == "card" else _BANKS.get(currency)


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _operation_id(said: object) -> UUID | None:
    try:
        return UUID(str(said))
    except ValueError:
        return None


_Reference = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]
_OperationId = Annotated[UUID | None, BeforeValidator(_operation_id)]


class _Metadata(_Said):
    operation: _OperationId = Field(default=None, alias=OPERATION)
    capture: _OperationId = Field(default=None, alias=CAPTURE)


class _Error(_Said):
    code: str | None = None
    decline_code: str | None = None


class _Redirect(_Said):
    url: str | None = None


class _NextAction(_Said):
    redirect_to_url: _Redirect | None = None


class _Moved(_Said):
    """What names a currency, in which its amounts are, of whatever may be approved."""

    id: _Reference
    currency: Annotated[str, Field(pattern="^[a-zA-Z]{3}$")] | None = None

    def approved(self, amount: int | None) -> Result:
        """Return that it was approved; of how much, where Stripe says both how much and of what."""
        if amount is None or self.currency is None:
            return Result(ResultStatus.APPROVED, self.id)
        currency = self.currency.upper()
        return Result(ResultStatus.APPROVED, self.id, amount=amount_from(amount, currency), currency=currency)


class PaymentIntentSaid(_Moved):
    """A PaymentIntent: a charge, an authorisation, and every capture of it.

    What it has received is the sum of its captures, which tells nothing of a single one.
    """

    status: str
    amount_received: int | None = None
    amount_capturable: int | None = None
    capture_method: str = "automatic"
    metadata: _Metadata = _Metadata()
    last_payment_error: _Error | None = None
    next_action: _NextAction | None = None

    def result(self) -> Result:
        """Return what became of the charge or authorisation."""
        match self.status:
            case "succeeded":
                return self.approved(self.amount_received if self.capture_method == "automatic" else None)
            case "requires_capture":
                return self.approved(self.amount_capturable)
            case "requires_action":
                redirect = self.next_action.redirect_to_url if self.next_action else None
                return Result(ResultStatus.REQUIRES_ACTION, self.id, action_url=redirect.url if redirect else None)
            case "requires_payment_method":
                return Result(ResultStatus.DECLINED, self.id, decline_of(self.last_payment_error))
            case "canceled":
                return Result(ResultStatus.DECLINED, self.id, decline("payment_canceled"))
        return Result(ResultStatus.PENDING, self.id)

    def capture_result(self, operation_id: UUID) -> Result:
        """Return what became of a capture: who captured is part of the same change."""
        if self.metadata.capture == operation_id:
            return Result(ResultStatus.APPROVED, self.id)
        if self.status == "canceled":
            return Result(ResultStatus.DECLINED, self.id, decline("payment_canceled"))
        return Result(ResultStatus.NOT_FOUND)

    def news(self) -> OperationNews | None:
        """Return what a webhook tells of one of our operations; None when it is not ours."""
        if self.metadata.operation is None:
            return None
        captured = self.metadata.capture
        if captured and self.status in {"succeeded", "requires_capture"}:
            return OperationNews(self.id, captured, Result(ResultStatus.APPROVED, self.id))
        if self.status == "succeeded" and self.capture_method == "manual":
            return None  # captured, but not by us
        return OperationNews(self.id, self.metadata.operation, self.result())


class RefundSaid(_Moved):
    """A Refund; also how a charge is voided that cannot be canceled any more."""

    status: str | None = None
    amount: int | None = None
    metadata: _Metadata = _Metadata()
    failure_reason: str | None = None

    def result(self) -> Result:
        """Return what became of it."""
        match self.status:
            case "succeeded":
                return self.approved(self.amount)
            case "failed" | "canceled":
                problem = decline(self.failure_reason, otherwise="refund_failed")
                return Result(ResultStatus.DECLINED, self.id, problem)
        return Result(ResultStatus.PENDING, self.id)

    def news(self) -> OperationNews | None:
        """Return what a webhook tells of one of our operations; None when it is not ours."""
        return _news(self.id, self.metadata, self.result())


class PayoutSaid(_Moved):
    """A Payout. Stripe says paid when the bank has taken it, which a bank may still undo days later."""

    status: str
    amount: int | None = None
    metadata: _Metadata = _Metadata()
    failure_code: str | None = None

    def result(self) -> Result:
        """Return what became of it."""
        match self.status:
            case "paid":
                return self.approved(self.amount)
            case "failed" | "canceled":
                return Result(ResultStatus.DECLINED, self.id, decline(self.failure_code, otherwise="payout_failed"))
        return Result(ResultStatus.PENDING, self.id)

    def news(self) -> OperationNews | None:
        """Return what a webhook tells of one of our operations; None when it is not ours."""
        return _news(self.id, self.metadata, self.result())


class _EvidenceDetails(_Said):
    due_by: int | None = None


class DisputeSaid(_Said):
    """A Dispute."""

    id: _Reference
    payment_intent: _Reference | None = None
    amount: Annotated[int, Field(gt=0, le=MAX_AMOUNT * 100)]
    currency: Annotated[str, Field(pattern="^[a-zA-Z]{3}$")]
    reason: Annotated[str, Field(max_length=100)] = "general"
    status: str
    metadata: _Metadata = _Metadata()
    evidence_details: _EvidenceDetails | None = None

    def evidence_result(self, operation_id: UUID) -> Result:
        """Return what became of submitted evidence."""
        if self.metadata.operation == operation_id:
            return Result(ResultStatus.APPROVED, self.id)
        return Result(ResultStatus.NOT_FOUND)

    def news(self) -> DisputeNews | None:
        """Return how it stands; None when it is about no payment intent, so not one of ours."""
        status = _DISPUTES.get(self.status)
        if self.payment_intent is None or status is None:
            return None
        currency = self.currency.upper()
        due = self.evidence_details.due_by if self.evidence_details else None
        return DisputeNews(
            reference=self.id,
            parent=self.payment_intent,
            amount=amount_from(self.amount, currency),
            currency=currency,
            reason=self.reason,
            status=status.value,
            evidence_due_by=datetime.fromtimestamp(due, UTC) if due else None,
        )


class _EventData(_Said):
    object: Mapping[str, Any]


class EventSaid(_Said):
    """A webhook's body."""

    id: _Reference
    type: Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,100}$")]
    data: _EventData

    def news(self) -> OperationNews | DisputeNews | None:
        """Return what it tells; None for what does not concern payments. Raises pydantic.ValidationError."""
        read = _NEWS.get(str(self.data.object.get("object")))
        return read(self.data.object) if read else None


_NEWS: Mapping[str, Callable[[Mapping[str, Any]], OperationNews | DisputeNews | None]] = MappingProxyType(
    {
        "payment_intent": lambda said: PaymentIntentSaid.model_validate(said).news(),
        "refund": lambda said: RefundSaid.model_validate(said).news(),
        "payout": lambda said: PayoutSaid.model_validate(said).news(),
        "dispute": lambda said: DisputeSaid.model_validate(said).news(),
    }
)


def decline_of(error: _Error | None) -> Any:
    """Return why a payment was declined; the bank's reason says more than Stripe's own code."""
    return decline((error.decline_code or error.code) if error else None)


def _news(reference: str, metadata: _Metadata, result: Result) -> OperationNews | None:
    return OperationNews(reference, metadata.operation, result) if metadata.operation else None
