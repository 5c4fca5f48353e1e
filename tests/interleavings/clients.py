"""What clients, merchants, analysts and operators do, as a seed would have it: sensible things, and others."""

import random
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from apps.sandbox_processor.domain.behaviours import TABLE
from contracts import ids
from contracts.message import Idempotency, Message
from contracts.payments import (
    BankMethod,
    CancelPaymentIntent,
    CaptureMethod,
    CapturePaymentIntent,
    CardMethod,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    CreateRefund,
    PaymentDirection,
    PaymentMethod,
    SubmitEvidence,
    UpdatePaymentIntent,
    WalletMethod,
)
from contracts.risk import DecideReview, RiskOutcome
from contracts.wallet import Direction, FreezeAccount, FundAccount, OpenAccount
from tests.interleavings.world import World

FUNDS = 2_000
ODD = ["tok_requires_action"] * 10 + ["tok_capture_declined"] * 4 + ["tok_disputed", "tok_refund_fails"] * 2
TOKENS = [*(behaviour.token for behaviour in TABLE), *ODD, *["tok_visa"] * 10, "tok_nonsense"]
BANK_TOKENS = ["tok_bank", "tok_bank", "tok_bank_closed", "tok_pending", "tok_timeout", "tok_timeout_lost", "tok_late",
               "tok_unavailable", "tok_reordered", "tok_timeout_declined"]  # fmt: skip
EVIDENCE = ["winning_evidence", "losing_evidence", "a receipt"]
OPERATOR = UUID("01990f3e-7c30-7d44-9e55-5f66a77b8801")

_INTENTS = "SELECT id, state, amount, captured FROM payment_intent WHERE customer = $1 ORDER BY id"
_DISPUTES = "SELECT id FROM dispute WHERE merchant = $1 AND status = 'needs_response' AND evidence IS NULL ORDER BY id"


@dataclass
class Scenario:
    """A customer and a merchant, and what they do to each other."""

    world: World
    rng: random.Random
    payments: int = field(init=False)
    customer: UUID = field(default_factory=ids.new_id)
    merchant: UUID = field(default_factory=ids.new_id)
    wallet: UUID = field(default_factory=ids.new_id)
    shop: UUID = field(default_factory=ids.new_id)
    sent: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.payments = self.rng.randint(1, 3)

    def open_accounts(self) -> None:
        """Open and fund both wallets."""
        for account, owner in ((self.wallet, self.customer), (self.shop, self.merchant)):
            self.world.send(OpenAccount(account_id=account, owner=owner, currency="EUR", idempotency=self._key("open")))

    def fund(self) -> None:
        transfer, key = ids.new_id(), self._key("fund")
        self.world.send(
            FundAccount(transfer_id=transfer, account_id=self.wallet, amount=FUNDS, currency="EUR", idempotency=key)
        )

    async def act(self) -> None:
        """Do one thing: pay, go on with a payment, or say again what was said."""
        if self.sent and self.rng.random() < 0.15:
            self.world.send(self.rng.choice(self.sent))  # a client's retry: a new message with the same key
            return
        if self.payments and self.rng.random() < 0.5:
            self.payments -= 1
            self._say(self._payment())
            return
        rows = await self.world.reads("payments", _INTENTS, self.customer)
        if rows:
            captured_in_part = [row for row in rows if row["captured"] and row["state"] == "requires_capture"]
            await self._go_on(self.rng.choice(captured_in_part or rows))

    def _say(self, command: Message) -> None:
        self.sent.append(command)
        self.world.send(command)
        if self.rng.random() < 0.05:
            self.world.send(command)

    def _key(self, name: str) -> Idempotency:
        fingerprint = sha256(name.encode()).hexdigest()
        return Idempotency(scope=f"{self.customer}:{name}", key=str(ids.new_id()), fingerprint=fingerprint)

    def _payment(self) -> CreatePaymentIntent:
        rng = self.rng
        direction = rng.choices(list(PaymentDirection), [8, 1, 2])[0]
        payout, manual = direction is PaymentDirection.PAYOUT, rng.random() < 0.55
        method = None if rng.random() < 0.1 else self._method(direction)
        amount = rng.choices([rng.randint(1, 600), rng.randint(600, 3500), rng.randint(3001, 9000)], [12, 2, 2])[0]
        fee = rng.randint(0, max(1, amount // 5)) if rng.random() < 0.2 else 0
        own = direction is PaymentDirection.TOP_UP
        return CreatePaymentIntent(
            payment_intent_id=ids.new_id(),
            customer=self.customer,
            merchant=None if payout else self.customer if own else self.merchant,
            direction=direction,
            source_wallet=self.wallet if payout or isinstance(method, WalletMethod) else None,
            destination_wallet=None if payout else self.wallet if own else self.shop,
            payment_method=method,
            amount=amount,
            currency="EUR",
            capture_method=CaptureMethod.MANUAL if manual and not payout else CaptureMethod.AUTOMATIC,
            application_fee=fee,
            metadata={"order": str(rng.randint(1, 9))} if rng.random() < 0.3 else None,
            confirm=method is not None and rng.random() < 0.8,
            idempotency=self._key("pay"),
        )

    def _method(self, direction: PaymentDirection) -> PaymentMethod:
        rng = self.rng
        if direction is PaymentDirection.PAYOUT:
            return BankMethod(token=rng.choice(BANK_TOKENS))
        if direction is PaymentDirection.PAYMENT and rng.random() < 0.4:
            return WalletMethod(wallet=self.wallet)
        return CardMethod(token=rng.choice(TOKENS))

    async def _go_on(self, row: Any) -> None:
        """Do what the state of a payment suggests, or now and then anything."""
        state = row["state"] if self.rng.random() < 0.85 else self.rng.choice(["requires_capture", "succeeded", ""])
        match state:
            case "requires_confirmation" | "requires_payment_method":
                self._before(row["id"])
            case "in_review":
                self._review(row["id"])
            case "awaiting_action" if self.rng.random() < 0.6:
                self._authenticate()
            case "requires_capture":
                self._capture(row)
            case "succeeded":
                await self._after(row)
            case _:
                self._cancel(row["id"])

    def _before(self, intent: UUID) -> None:
        method = self._method(PaymentDirection.PAYMENT) if self.rng.random() < 0.7 else None
        match self.rng.choices(["confirm", "update", "cancel"], [6, 1, 1])[0]:
            case "confirm":
                self._say(
                    ConfirmPaymentIntent(
                        payment_intent_id=intent,
                        customer=self.customer,
                        payment_method=method,
                        idempotency=self._key("confirm"),
                    )
                )
            case "update":
                self._say(
                    UpdatePaymentIntent(
                        payment_intent_id=intent,
                        customer=self.customer,
                        amount=self.rng.choice([None, self.rng.randint(1, 500)]),
                        payment_method=method,
                        metadata={"order": str(self.rng.randint(1, 9))},
                        idempotency=self._key("update"),
                    )
                )
            case _:
                self._cancel(intent)

    def _cancel(self, intent: UUID) -> None:
        party = self.rng.choice([self.customer, self.merchant])
        self._say(CancelPaymentIntent(payment_intent_id=intent, asked_by=party, idempotency=self._key("cancel")))

    def _review(self, intent: UUID) -> None:
        if self.rng.random() < 0.2:
            self._cancel(intent)
            return
        outcome = self.rng.choice([RiskOutcome.APPROVE, RiskOutcome.APPROVE, RiskOutcome.DECLINE])
        decided = DecideReview(
            payment_intent_id=intent, outcome=outcome, decided_by=OPERATOR, note="seen", idempotency=self._key("review")
        )
        self._say(decided)

    def _authenticate(self) -> None:
        for operation in self.world.company.waiting_for_customers():
            if self.rng.random() < 0.5:
                approved = self.rng.random() < 0.7
                self.world.company.authenticate(operation.account, operation.id, approved=approved)

    def _capture(self, row: Any) -> None:
        if self.rng.random() < 0.2:
            self._cancel(row["id"])
            return
        if row["captured"] and self.rng.random() < 0.6:
            self._refund(row["id"], row["captured"])
            return
        if self.rng.random() < 0.1:
            self._freeze(self.shop, Direction.IN)  # just before: the ledger refuses what was promised
        amount = self.rng.choice([None, self.rng.randint(1, row["amount"]), self.rng.randint(1, row["amount"])])
        self._say(
            CapturePaymentIntent(
                payment_intent_id=row["id"],
                merchant=self.merchant,
                amount=amount,
                final=self.rng.random() < 0.3,
                idempotency=self._key("capture"),
            )
        )

    async def _after(self, row: Any) -> None:
        disputes = await self.world.reads("payments", _DISPUTES, self.merchant)
        if disputes and self.rng.random() < 0.6:
            dispute = self.rng.choice(disputes)["id"]
            said = {"note": self.rng.choice(EVIDENCE)}
            key = self._key("evidence")
            self._say(SubmitEvidence(dispute_id=dispute, merchant=self.merchant, evidence=said, idempotency=key))
            return
        for _ in range(self.rng.choice([1, 1, 2, 3])):  # several at once, which may be too much together
            self._refund(row["id"], row["amount"])

    def _refund(self, intent: UUID, most: int) -> None:
        merchant = self.merchant if self.rng.random() < 0.9 else self.customer
        self._say(
            CreateRefund(
                refund_id=ids.new_id(),
                payment_intent_id=intent,
                merchant=merchant,
                amount=self.rng.choice([None, self.rng.randint(1, most), self.rng.randint(1, most)]),
                idempotency=self._key("refund"),
            )
        )

    def freeze(self) -> None:
        """Let an operator stop or free one of the wallets."""
        self._freeze(self.rng.choice([self.wallet, self.shop, self.shop]), self.rng.choice(list(Direction)))

    def thaw(self) -> None:
        """Let an operator free both wallets: what holds reserve on a frozen one waits for that."""
        for account in (self.wallet, self.shop):
            self._freeze(account, Direction.NONE)

    def _freeze(self, account: UUID, direction: Direction) -> None:
        key = self._key("freeze")
        self.world.send(
            FreezeAccount(account_id=account, direction=direction, changed_by=OPERATOR, reason="seen", idempotency=key)
        )
