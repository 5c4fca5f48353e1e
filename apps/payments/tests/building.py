"""Messages as the other rooms would send them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from apps.payments.domain.intents import Intent
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Problem
from contracts.payments import (
    CancelPaymentIntent,
    CapturePaymentIntent,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    CreateRefund,
    RefundReason,
    SettleOperation,
    SubmitEvidence,
)
from contracts.risk import Assess, FiredRule, RiskDecision, RiskOutcome
from contracts.wallet import (
    AccountRef,
    CaptureHold,
    Hold,
    HoldCaptured,
    HoldPlaced,
    HoldRefused,
    HoldStatus,
    HoldVoided,
    PlaceHold,
    PostTransfer,
    Transfer,
    TransferPosted,
    TransferRefused,
)

M = TypeVar("M", bound=Message)
GATEWAY = "gateway.replies.test"
PAYER, SHOP, MINE, THEIRS, SYSTEM = (new_id() for _ in range(5))


def enveloped(message: M, correlation: str = "order-7", *, deadline: datetime | None = None) -> Envelope[M]:
    return Envelope[M](
        id=new_id(),
        source="/ledgerlink/test",
        type=message.contract.type,
        time=datetime.now(UTC),
        correlationid=correlation,
        replyto=GATEWAY,
        deadline=deadline,
        data=message,
    )


def late(command: Envelope[M]) -> Envelope[M]:
    """The same wish as a new message, which nobody waits for any more."""
    return enveloped(command.data, command.correlationid, deadline=datetime.now(UTC) - timedelta(seconds=1))


def again(command: Envelope[M]) -> Envelope[M]:
    """The client's retry: the same wish as a new message."""
    return enveloped(command.data, command.correlationid)


def key(name: str | None = None, body: str = "body") -> Idempotency:
    return Idempotency(scope=f"{PAYER}:pay", key=name or str(new_id()), fingerprint=sha256(body.encode()).hexdigest())


def create(
    *,
    confirm: bool = True,
    amount: int = 1250,
    intent_id: UUID | None = None,
    source: UUID | None = MINE,
    destination: UUID | None = THEIRS,
    idempotency: Idempotency | None = None,
    correlation: str = "order-7",
    **more: Any,
) -> Envelope[CreatePaymentIntent]:
    message = CreatePaymentIntent(
        payment_intent_id=intent_id or new_id(),
        customer=PAYER,
        merchant=SHOP,
        source_wallet=source,
        destination_wallet=destination,
        amount=amount,
        currency="EUR",
        description="Two coffees",
        confirm=confirm,
        idempotency=idempotency or key(),
        **more,
    )
    return enveloped(message, correlation)


def confirm(
    intent_id: UUID, *, customer: UUID = PAYER, idempotency: Idempotency | None = None
) -> Envelope[ConfirmPaymentIntent]:
    message = ConfirmPaymentIntent(payment_intent_id=intent_id, customer=customer, idempotency=idempotency or key())
    return enveloped(message, "order-8")


def approval(asked: Assess, correlation: str = "order-7") -> Envelope[RiskDecision]:
    return enveloped(_decision(asked, RiskOutcome.APPROVE, []), correlation)


def decline(asked: Assess, reason: str = "more than 600 payments in a minute") -> Envelope[RiskDecision]:
    return enveloped(_decision(asked, RiskOutcome.DECLINE, [FiredRule(name="velocity", reason=reason)]))


def _decision(asked: Assess, outcome: RiskOutcome, rules: list[FiredRule]) -> RiskDecision:
    return RiskDecision(
        assessment_id=asked.assessment_id,
        payment_intent_id=asked.payment_intent_id,
        outcome=outcome,
        rules=rules,
        decided_at=datetime.now(UTC),
    )


def posted(asked: PostTransfer, correlation: str = "order-7") -> Envelope[TransferPosted]:
    transfer = Transfer(
        id=asked.transfer_id,
        debit_account=_account(asked.debit_account),
        credit_account=_account(asked.credit_account),
        amount=asked.amount,
        currency=asked.currency,
        reference=asked.reference,
        sequence=1,
        posted_at=datetime.now(UTC),
    )
    return enveloped(TransferPosted(transfer=transfer), correlation)


def _account(named: AccountRef) -> UUID:
    return named if isinstance(named, UUID) else SYSTEM


def refused(asked: PostTransfer, code: str = "insufficient_funds") -> Envelope[TransferRefused]:
    problem = Problem(code=code, detail="as the ledger says it", parameter="debit_account")
    return enveloped(TransferRefused(transfer_id=asked.transfer_id, reference=asked.reference, problem=problem))


def last_error(intent: Intent) -> Problem:
    """The error of a failed intent."""
    assert intent.last_payment_error is not None
    return intent.last_payment_error


def capture(intent_id: UUID, amount: int | None = None, *, final: bool = True) -> Envelope[CapturePaymentIntent]:
    message = CapturePaymentIntent(
        payment_intent_id=intent_id, merchant=SHOP, amount=amount, final=final, idempotency=key()
    )
    return enveloped(message, "order-9")


def cancel(intent_id: UUID, *, asked_by: UUID = PAYER) -> Envelope[CancelPaymentIntent]:
    return enveloped(CancelPaymentIntent(payment_intent_id=intent_id, asked_by=asked_by, idempotency=key()), "order-10")


def refund(
    intent_id: UUID, amount: int | None = None, *, merchant: UUID = SHOP, refund_id: UUID | None = None
) -> Envelope[CreateRefund]:
    message = CreateRefund(
        refund_id=refund_id or new_id(),
        payment_intent_id=intent_id,
        merchant=merchant,
        amount=amount,
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        metadata={"ticket": "7"},
        idempotency=key(),
    )
    return enveloped(message, "order-11")


def submit(dispute_id: UUID, *, merchant: UUID = SHOP) -> Envelope[SubmitEvidence]:
    evidence = {"shipping_tracking_number": "1Z999AA10123456784"}
    message = SubmitEvidence(dispute_id=dispute_id, merchant=merchant, evidence=evidence, idempotency=key())
    return enveloped(message, "order-12")


def settlement(
    operation_id: UUID, outcome: str = "succeeded", reference: str | None = "sbx_1", **more: Any
) -> SettleOperation:
    said = {"outcome": outcome, "reference": reference, "note": "Seen in the dashboard", "settled_by": PAYER}
    return SettleOperation.model_validate(said | {"operation_id": operation_id, "idempotency": key()} | more)


def hold_of(asked: PlaceHold, status: HoldStatus = HoldStatus.PENDING, captured: int = 0) -> Hold:
    return Hold(
        id=asked.hold_id,
        debit_account=_account(asked.debit_account),
        credit_account=_account(asked.credit_account),
        amount=asked.amount,
        currency=asked.currency,
        captured=captured,
        remaining=asked.amount - captured if status is HoldStatus.PENDING else 0,
        status=status,
        expires_at=asked.expires_at,
        reference=asked.reference,
        placed_at=datetime.now(UTC),
    )


def placed(asked: PlaceHold) -> Envelope[HoldPlaced]:
    return enveloped(HoldPlaced(hold=hold_of(asked)))


def voided(asked: PlaceHold) -> Envelope[HoldVoided]:
    return enveloped(HoldVoided(hold=hold_of(asked, HoldStatus.VOIDED)))


def hold_refused(operation_id: UUID, asked: PlaceHold, code: str = "insufficient_funds") -> Envelope[HoldRefused]:
    problem = Problem(code=code, detail="as the ledger says it")
    return enveloped(
        HoldRefused(operation_id=operation_id, hold_id=asked.hold_id, reference=asked.reference, problem=problem)
    )


def captured(asked: CaptureHold, hold: PlaceHold) -> tuple[Envelope[TransferPosted], Envelope[HoldCaptured]]:
    """What the ledger says of a capture: the transfer, and how it left the hold."""
    amount = asked.amount or hold.amount
    after = hold_of(hold, HoldStatus.CAPTURED if asked.release_rest else HoldStatus.PENDING, amount)
    transfer = Transfer(
        id=asked.transfer_id,
        debit_account=hold.debit_account,
        credit_account=after.credit_account,
        amount=amount,
        currency=hold.currency,
        reference=asked.reference,
        sequence=1,
        posted_at=datetime.now(UTC),
        hold_id=hold.hold_id,
    )
    fact = HoldCaptured(hold=after, transfer_id=asked.transfer_id, amount=amount)
    return enveloped(TransferPosted(transfer=transfer)), enveloped(fact)
