"""The second part of the story: a card payment in two captures, a refund, a decline, and what Grace's server hears."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from ledgerlink_client import Options, card
from ledgerlink_client.models.payments import CaptureMethod, PaymentIntent, Refund
from ops.demo.receiver import Receiver, receiving
from ops.demo.report import CardStep, StepName, WebhookLine
from ops.demo.story import CURRENCY, PATIENCE, Customer, Declined, declined, timed

PRICE = 60_00
FIRST_PART = 35_00
REFUND = 10_00
APPROVED, REFUSED = "tok_visa", "tok_insufficient_funds"
HEARD = (
    "payment_intent.created",
    "payment_intent.processing",
    "payment_intent.amount_capturable_updated",
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "refund.created",
    "refund.succeeded",
)
"""What Grace's server hears of the payment, in this order."""
HEARD_OF_DECLINE = ("payment_intent.created", "payment_intent.processing", "payment_intent.payment_failed")
"""The same, of the payment that is declined."""
HEARD_WITHIN = 10.0  # seconds
_OPTIONS = Options(wait=PATIENCE)
M = TypeVar("M", PaymentIntent, Refund)


@dataclass(frozen=True)
class CardStory:
    """What became of the payment, its refund and the declined one; each step, and what Grace's server heard of them."""

    paid: PaymentIntent
    refund: Refund
    declined: Declined
    steps: list[CardStep]
    heard: list[WebhookLine]


async def play_with_cards(ada: Customer, grace: Customer, webhook_host: str) -> CardStory:
    """Play it; `webhook_host` is how payments reach Grace's server.

    Raises DemoError or LedgerLinkError when it goes another way.
    """
    async with receiving(webhook_host) as receiver:
        endpoint = await grace.session.webhook_endpoints.create(receiver.url, ["payment_intent.*", "refund.*"])
        receiver.secret = endpoint.secret or ""
        return await _Play(ada, grace, receiver).play()


@dataclass(frozen=True)
class _Play:
    ada: Customer
    grace: Customer
    receiver: Receiver
    steps: list[CardStep] = field(default_factory=list)

    async def play(self) -> CardStory:
        grace = self.grace.session
        authorise = self._pay(APPROVED, CaptureMethod.MANUAL)
        intent = (await self._step("authorise", PRICE, authorise)).id
        first = grace.payment_intents.capture(intent, FIRST_PART, final=False, options=_OPTIONS)
        await self._step("capture", FIRST_PART, first)
        rest = grace.payment_intents.capture(intent, PRICE - FIRST_PART, options=_OPTIONS)
        paid = await self._step("capture", PRICE - FIRST_PART, rest)
        refund = await self._step("refund", REFUND, grace.refunds.create(intent, REFUND, options=_OPTIONS))
        refused = await self._decline()
        await self.receiver.wait_for(len(HEARD) + len(HEARD_OF_DECLINE), HEARD_WITHIN)
        return CardStory(paid, refund, refused, self.steps, list(self.receiver.received))

    async def _step(self, name: StepName, amount: int, asked: Awaitable[M]) -> M:
        resource, took_ms = await timed(asked)
        self._tell(name, amount, resource.answer.status, resource.status, took_ms)
        return resource

    def _pay(self, token: str, capture_method: CaptureMethod) -> Awaitable[PaymentIntent]:
        return self.ada.session.payment_intents.create(
            payment_method=card(token),
            destination_wallet=self.grace.wallet.id,
            amount=PRICE,
            currency=CURRENCY,
            capture_method=capture_method,
            confirm=True,
            options=_OPTIONS,
        )

    async def _decline(self) -> Declined:
        refused = await declined(self._pay(REFUSED, CaptureMethod.AUTOMATIC), "the card without funds was not declined")
        self._tell("decline", PRICE, refused.error.status, refused.error.code, refused.took_ms)
        return refused

    def _tell(self, name: StepName, amount: int, http_status: int, outcome: str, took_ms: float) -> None:
        step = CardStep(
            step=name,
            amount=amount,
            currency=CURRENCY,
            http_status=http_status,
            outcome=outcome,
            answered_after_ms=took_ms,
        )
        self.steps.append(step)
