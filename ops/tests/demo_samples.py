"""A demo as it should be, to be spoilt by tests."""

from datetime import UTC, datetime, timedelta

from apps.payments.audit import PaymentsAudit
from apps.payments.domain.transitions import State
from apps.wallet.audit import Audit, CurrencyTotal
from contracts.ids import new_id
from ledgerlink_client import DeclinedError, LedgerLink
from ledgerlink_client.models.payments import PaymentIntent, PaymentStatus, Refund, RefundStatus
from ledgerlink_client.models.resource import Answer
from ledgerlink_client.models.wallets import Transfer, Wallet
from ops.demo.card import HEARD, HEARD_OF_DECLINE, REFUND, CardStory
from ops.demo.card import PRICE as CARD_PRICE
from ops.demo.proof import Evidence
from ops.demo.report import (
    CardStep,
    Check,
    Decline,
    DemoReport,
    EntryLine,
    HopLine,
    Payment,
    Repetition,
    StepName,
    WebhookLine,
)
from ops.demo.story import FIRST_PRICE, FUNDS, PRICE, TOO_LARGE, Customer, Declined, Paid, Repeated, Story

NOW = datetime.now(UTC)
STEPS: list[tuple[StepName, str]] = [
    ("authorise", "requires_capture"),
    ("capture", "requires_capture"),
    ("capture", "succeeded"),
    ("refund", "succeeded"),
    ("decline", "insufficient_funds"),
]
ADA, GRACE, CLEARING, CUSTOMER = new_id(), new_id(), new_id(), new_id()


def evidence() -> Evidence:
    first_paid, paid = _paid(FIRST_PRICE), _paid(PRICE)
    story = Story(
        ada=Customer("Ada", "ada@example.com", _session(), _wallet(0)),
        grace=Customer("Grace", "grace@example.com", _session(), _wallet(0)),
        top_up=_transfer(FUNDS),
        first_paid=first_paid,
        paid=paid,
        declined=Declined(1.0, _intent(TOO_LARGE), DeclinedError(402, {}, {})),
        repeated=Repeated(1.0, paid.intent, 3, 3),
    )
    return Evidence(
        books=Audit((CurrencyTotal("EUR", 3, 0),), transfers=6, entries=12, findings=()),
        payments=PaymentsAudit(
            dict.fromkeys(State, 0) | {State.SUCCEEDED: 3, State.REQUIRES_PAYMENT_METHOD: 2}, stuck=()
        ),
        differences=(),
        posted=[(p, _transfer_of(p.intent)) for p in (first_paid, paid)],
        wallets=[_wallet(FUNDS - FIRST_PRICE - PRICE), _wallet(FIRST_PRICE + PRICE + CARD_PRICE - REFUND)],
        story=story,
        card=_card(),
    )


def report(*, holds: bool = True) -> DemoReport:
    hops = [
        HopLine(message=m, kind=k, said_by=s, said_at_ms=at, taken_by=t, taken_at_ms=at + 99.9 if t else None)
        for m, k, s, at, t in (
            ("CreatePaymentIntent", "command", "gateway", 100.1, "payments"),
            ("RiskDecision", "decision", "risk", 250.0, "payments"),
            ("PaymentIntentSucceeded", "event", "payments", 1400.0, None),
        )
    ]
    intent = _intent(PRICE)
    payment = Payment(
        payment_intent_id=intent.id,
        amount=PRICE,
        currency="EUR",
        idempotency_key="key",
        correlation_id="correlation",
        http_status=201,
        status=PaymentStatus.SUCCEEDED,
        transfer_id=intent.transfer_id,
        answered_after_ms=1500.0,
        hops=hops,
    )
    entries = [("clearing EUR", -FUNDS, -FUNDS), ("Ada's wallet", FUNDS, FUNDS)]
    return DemoReport(
        started_after_seconds=10.0,
        people=[],
        first_payment=payment,
        payment=payment,
        decline=Decline(
            payment_intent_id=intent.id,
            amount=TOO_LARGE,
            currency="EUR",
            http_status=402,
            status=PaymentStatus.REQUIRES_PAYMENT_METHOD,
            code="payment_declined",
            detail="Too [much].",
            answered_after_ms=20.0,
        ),
        repetition=Repetition(
            payment_intent_id=intent.id,
            http_status=201,
            same_answer=True,
            entries_before=3,
            entries_after=3,
            answered_after_ms=9.0,
        ),
        card=[
            CardStep(step=s, amount=CARD_PRICE, currency="EUR", http_status=200, outcome=o, answered_after_ms=99.9)
            for s, o in STEPS
        ],
        webhooks=_card().heard,
        ledger=[
            EntryLine(
                sequence=1,
                account=account,
                amount=amount,
                balance_after=balance,
                currency="EUR",
                transfer_id=new_id(),
                what="top-up",
            )
            for account, amount, balance in entries
        ],
        proof=[Check(claim="EUR sums to zero over all accounts", holds=holds, found="3 accounts, 0.00 EUR")],
    )


def _card() -> CardStory:
    paid, refused = _intent(CARD_PRICE), _intent(CARD_PRICE)
    heard = [
        WebhookLine(type=event, payment_intent_id=intent.id, arrived_after_ms=12.3, verified=True)
        for intent, events in ((paid, HEARD), (refused, HEARD_OF_DECLINE))
        for event in events
    ]
    refund = Refund(
        id=new_id(),
        payment_intent=paid.id,
        amount=REFUND,
        currency="EUR",
        status=RefundStatus.SUCCEEDED,
        created_at=NOW,
        updated_at=NOW,
    )
    return CardStory(paid, refund, Declined(1.0, refused, DeclinedError(402, {}, {})), [], heard)


def _session() -> LedgerLink:
    return LedgerLink("http://localhost")


def _wallet(balance: int) -> Wallet:
    return Wallet(id=new_id(), owner=CUSTOMER, currency="EUR", balance=balance, floor=0, created_at=NOW)


def _paid(amount: int) -> Paid:
    intent = _intent(amount)
    intent.came_by(Answer(201, "correlation"))
    return Paid(NOW - timedelta(seconds=1), 1.0, "key", intent)


def _intent(amount: int) -> PaymentIntent:
    return PaymentIntent(
        id=new_id(),
        customer=CUSTOMER,
        source_wallet=ADA,
        destination_wallet=GRACE,
        amount=amount,
        currency="EUR",
        status=PaymentStatus.SUCCEEDED,
        transfer_id=new_id(),
        created_at=NOW,
        updated_at=NOW,
    )


def _transfer_of(intent: PaymentIntent) -> Transfer:
    return _transfer(intent.amount).model_copy(
        update={
            "id": intent.transfer_id,
            "debit_account": intent.source_wallet,
            "credit_account": intent.destination_wallet,
            "reference": intent.id,
        }
    )


def _transfer(amount: int) -> Transfer:
    return Transfer(
        id=new_id(),
        debit_account=CLEARING,
        credit_account=ADA,
        amount=amount,
        currency="EUR",
        sequence=1,
        posted_at=NOW,
    )
