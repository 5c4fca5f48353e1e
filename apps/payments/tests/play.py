"""One payment in memory: the machine alone, with everybody else played by the test."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.payments.domain.deciding import Answer, Fact, Ignored, Payment, Step, Terms, decide
from apps.payments.domain.intents import Intent
from apps.payments.domain.operations import Operation
from apps.payments.domain.processing import DisputeNews, Result, ResultStatus, Verb
from apps.payments.domain.signals import (
    DisputeWord,
    LedgerResult,
    OperationResult,
    RiskWord,
    Signal,
    Timeout,
    Wish,
    WishCommand,
)
from apps.payments.domain.transitions import State
from apps.payments.tests.building import MINE, PAYER, SHOP, THEIRS, key
from apps.payments.tests.room import TERMS
from contracts.ids import new_id
from contracts.message import Problem
from contracts.payments import (
    BankMethod,
    CancelPaymentIntent,
    CapturePaymentIntent,
    CardMethod,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    CreateRefund,
    PaymentDirection,
    SubmitEvidence,
    UpdatePaymentIntent,
)
from contracts.risk import RiskOutcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AMOUNT = 1000
CARD, BANK = CardMethod(token="tok_visa"), BankMethod(token="tok_bank")
NO = Problem(code="no", detail="No.")
POSTS = (Verb.POST, Verb.CAPTURE_HOLD)

WALLET: dict[str, Any] = {"source_wallet": MINE, "destination_wallet": THEIRS}
BY_CARD: dict[str, Any] = {"payment_method": CARD, "destination_wallet": THEIRS}
TOP_UP: dict[str, Any] = {"payment_method": CARD, "destination_wallet": MINE, "direction": PaymentDirection.TOP_UP}
PAYOUT: dict[str, Any] = {"payment_method": BANK, "source_wallet": MINE, "direction": PaymentDirection.PAYOUT}
MANUAL: dict[str, Any] = {"capture_method": "manual"}


def creation(**changes: Any) -> CreatePaymentIntent:
    fixed = {
        "payment_intent_id": new_id(),
        "customer": PAYER,
        "merchant": SHOP,
        "amount": AMOUNT,
        "currency": "EUR",
        "confirm": True,
        "idempotency": key(),
    }
    return CreatePaymentIntent.model_validate(fixed | changes)


class Play:
    """A payment, and all that came of what it was told."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.now = NOW
        self.there: Payment | None = None
        self.facts: list[Fact] = []
        self.answers: list[Answer] = []
        self.operations: dict[UUID, Operation] = {}

    @property
    def payment(self) -> Payment:
        assert self.there is not None
        return self.there

    @property
    def intent(self) -> Intent:
        return self.payment.intent

    @property
    def state(self) -> State:
        return self.intent.state

    def give(self, signal: Signal) -> Step | Problem | Ignored:
        """Tell the machine something; go on from what it makes of it."""
        decision = decide(self.there, signal, self.terms, self.now)
        if isinstance(decision, Step):
            self.there = decision.payment
            self.facts += decision.facts
            self.answers += decision.answers
            self.operations |= decision.operations
        return decision

    def wish(self, command: WishCommand) -> Step | Problem | Ignored:
        return self.give(Wish(command, f"asked {len(self.facts)}"))

    def create(self, **changes: Any) -> "Play":
        done = self.wish(creation(**changes))
        assert isinstance(done, Step), done
        return self

    def confirm(self, **changes: Any) -> Step | Problem | Ignored:
        return self.wish(
            ConfirmPaymentIntent(payment_intent_id=self.intent.id, customer=PAYER, idempotency=key(), **changes)
        )

    def update(self, **changes: Any) -> Step | Problem | Ignored:
        return self.wish(
            UpdatePaymentIntent(payment_intent_id=self.intent.id, customer=PAYER, idempotency=key(), **changes)
        )

    def capture(self, amount: int | None = None, *, final: bool = True) -> Step | Problem | Ignored:
        return self.wish(
            CapturePaymentIntent(
                payment_intent_id=self.intent.id, merchant=SHOP, amount=amount, final=final, idempotency=key()
            )
        )

    def cancel(self, **changes: Any) -> Step | Problem | Ignored:
        return self.wish(
            CancelPaymentIntent(payment_intent_id=self.intent.id, asked_by=PAYER, idempotency=key(), **changes)
        )

    def refund(self, amount: int | None = None, refund_id: UUID | None = None) -> Step | Problem | Ignored:
        return self.wish(
            CreateRefund(
                refund_id=refund_id or new_id(),
                payment_intent_id=self.intent.id,
                merchant=self.intent.merchant or SHOP,
                amount=amount,
                idempotency=key(),
            )
        )

    def submit_evidence(self, dispute_id: UUID) -> Step | Problem | Ignored:
        evidence = {"shipping_tracking_number": "1Z"}
        return self.wish(SubmitEvidence(dispute_id=dispute_id, merchant=SHOP, evidence=evidence, idempotency=key()))

    def risk(self, outcome: RiskOutcome = RiskOutcome.APPROVE) -> Step | Problem | Ignored:
        assessment = self.intent.attempt.assessment_id if self.intent.attempt else new_id()
        return self.give(RiskWord(self.intent.id, assessment, outcome, NO if outcome is RiskOutcome.DECLINE else None))

    def find(self, verbs: Iterable[Verb], subject: UUID | None = None) -> UUID:
        """The unsettled operation of one of these verbs for the intent, or for `subject`; or a stranger's id."""
        wanted, about = set(verbs), subject or self.intent.id
        asked = [o.id for o in self.payment.operations.values() if o.verb in wanted and o.subject_id == about]
        return asked[0] if asked else new_id()

    def ledger(
        self, *verbs: Verb, problem: Problem | None = None, subject: UUID | None = None
    ) -> Step | Problem | Ignored:
        return self.give(LedgerResult(self.find(verbs, subject), problem))

    def processor(
        self, status: ResultStatus, *verbs: Verb, problem: Problem | None = None, subject: UUID | None = None
    ) -> Step | Problem | Ignored:
        url = "https://bank.example/3ds" if status is ResultStatus.REQUIRES_ACTION else None
        result = Result(status, f"sbx_{verbs[0].value}", problem, url)
        return self.give(OperationResult(self.find(verbs, subject), result))

    def dispute(
        self, status: str = "needs_response", amount: int = AMOUNT, name: str = "dp_1"
    ) -> Step | Problem | Ignored:
        news = DisputeNews(name, "sbx_charge", amount, "EUR", "fraudulent", status)
        return self.give(DisputeWord(self.intent.id, self.intent.processor or "sandbox", news))

    def wait(self, time: timedelta) -> Step | Problem | Ignored:
        """Let time pass, and the sweep come by."""
        self.now += time
        return self.give(Timeout(self.intent.id))


def paid(play: Play) -> Play:
    """Let everybody say yes until the payment is captured or waits to be."""
    for _ in range(10):
        if play.state in (State.SUCCEEDED, State.REQUIRES_CAPTURE):
            return play
        play.risk()
        play.ledger(Verb.HOLD)
        play.processor(ResultStatus.APPROVED, Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT)
        play.ledger(*POSTS)
    raise AssertionError(play.state)
