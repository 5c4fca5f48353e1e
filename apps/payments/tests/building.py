"""Messages as the other rooms would send them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from apps.payments.domain.intents import Intent
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Problem
from contracts.payments import ConfirmPaymentIntent, CreatePaymentIntent
from contracts.risk import Assess, FiredRule, RiskDecision, RiskOutcome
from contracts.wallet import PostTransfer, Transfer, TransferPosted, TransferRefused

M = TypeVar("M", bound=Message)
GATEWAY = "gateway.replies.test"
PAYER, SHOP, MINE, THEIRS = (new_id() for _ in range(4))


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
    destination: UUID = THEIRS,
    idempotency: Idempotency | None = None,
    correlation: str = "order-7",
) -> Envelope[CreatePaymentIntent]:
    message = CreatePaymentIntent(
        payment_intent_id=intent_id or new_id(),
        customer=PAYER,
        source_wallet=MINE,
        destination_wallet=destination,
        amount=amount,
        currency="EUR",
        description="Two coffees",
        confirm=confirm,
        idempotency=idempotency or key(),
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
        debit_account=asked.debit_account,
        credit_account=asked.credit_account,
        amount=asked.amount,
        currency=asked.currency,
        reference=asked.reference,
        sequence=1,
        posted_at=datetime.now(UTC),
    )
    return enveloped(TransferPosted(transfer=transfer), correlation)


def refused(asked: PostTransfer, code: str = "insufficient_funds") -> Envelope[TransferRefused]:
    problem = Problem(code=code, detail="as the ledger says it", parameter="debit_account")
    return enveloped(TransferRefused(transfer_id=asked.transfer_id, reference=asked.reference, problem=problem))


def last_error(intent: Intent) -> Problem:
    """The error of a failed intent."""
    assert intent.last_payment_error is not None
    return intent.last_payment_error
