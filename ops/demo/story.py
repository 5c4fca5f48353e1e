"""What happens in the demo, over HTTP, as two customers and an operator would do it."""

import asyncio
import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from contracts.ids import new_id
from ledgerlink_client import DeclinedError, LedgerLink, Options
from ledgerlink_client.models.payments import PaymentIntent
from ledgerlink_client.models.wallets import Transfer, Wallet
from ops.demo.place import Place

CURRENCY = "EUR"
FUNDS = 20_000_00
FIRST_PRICE = 5_00
PRICE = 25_00
TOO_LARGE = 12_500_00  # above what the risk rule `amount_limit` allows, though Ada has it
PATIENCE = 30  # seconds that the gateway is asked to wait for each outcome
DESCRIPTION = "two coffees and a cake"

T = TypeVar("T")


class DemoError(Exception):
    """The demo did not go as it should; the text says what happened instead."""


@dataclass(frozen=True)
class Customer:
    """A customer, logged in, and the wallet that was opened."""

    name: str
    email: str
    session: LedgerLink
    wallet: Wallet

    async def balance(self) -> Wallet:
        """Return the wallet as it stands now."""
        return await self.session.wallets.get(self.wallet.id)


@dataclass(frozen=True)
class Paid:
    """A payment that was made: when it was sent, and how many milliseconds the answer took."""

    asked_at: datetime
    took_ms: float
    idempotency_key: str
    intent: PaymentIntent


@dataclass(frozen=True)
class Declined:
    """A payment that was declined, and how many milliseconds that took."""

    took_ms: float
    intent: PaymentIntent
    error: DeclinedError


@dataclass(frozen=True)
class Repeated:
    """The same payment again: its answer, and how many entries Ada's wallet had before and after."""

    took_ms: float
    intent: PaymentIntent
    entries_before: int
    entries_after: int

    def same_answer_as(self, paid: Paid) -> bool:
        """Tell whether status and resource are exactly those of the first time."""
        return (self.intent.answer.status, self.intent) == (paid.intent.answer.status, paid.intent)


@dataclass(frozen=True)
class Story:
    """All that has happened. `first_paid` is the payment that found everything cold, `paid` the one after it."""

    ada: Customer
    grace: Customer
    top_up: Transfer
    first_paid: Paid
    paid: Paid
    declined: Declined
    repeated: Repeated


async def play(gateway: LedgerLink, place: Place) -> Story:
    """Play the whole story. Raises DemoError or LedgerLinkError when it goes another way."""
    ada, grace = await asyncio.gather(_customer(gateway, "Ada"), _customer(gateway, "Grace"))
    top_up = await _fund(gateway, place, ada)
    first_paid = await _pay(ada, grace, FIRST_PRICE)
    paid = await _pay(ada, grace, PRICE)
    too_much = await _pay_too_much(ada, grace)
    repeated = await _repeat(ada, grace, paid)
    return Story(ada, grace, top_up, first_paid, paid, too_much, repeated)


async def _customer(gateway: LedgerLink, name: str) -> Customer:
    email = f"{name.lower()}@example.com"
    session = await gateway.register_and_login(email, secrets.token_urlsafe())
    return Customer(name, email, session, await session.wallets.open(CURRENCY, options=Options(wait=PATIENCE)))


async def _fund(gateway: LedgerLink, place: Place, customer: Customer) -> Transfer:
    operator = await gateway.login(place.operator_email, place.operator_password.get_secret_value())
    return await operator.wallets.top_up(customer.wallet.id, FUNDS, CURRENCY, options=Options(wait=PATIENCE))


async def _pay(ada: Customer, grace: Customer, amount: int) -> Paid:
    key, asked_at = str(new_id()), datetime.now(UTC)
    intent, took_ms = await timed(_payment(ada, grace, amount, key))
    return Paid(asked_at, took_ms, key, intent)


async def _pay_too_much(ada: Customer, grace: Customer) -> Declined:
    return await declined(_payment(ada, grace, TOO_LARGE, str(new_id())), "no risk rule declined the large payment")


async def _repeat(ada: Customer, grace: Customer, paid: Paid) -> Repeated:
    before = await _entries(ada)
    intent, took_ms = await timed(_payment(ada, grace, PRICE, paid.idempotency_key))
    return Repeated(took_ms, intent, before, await _entries(ada))


def _payment(ada: Customer, grace: Customer, amount: int, key: str) -> Awaitable[PaymentIntent]:
    return ada.session.payment_intents.create(
        source_wallet=ada.wallet.id,
        destination_wallet=grace.wallet.id,
        amount=amount,
        currency=CURRENCY,
        description=DESCRIPTION,
        confirm=True,
        options=Options(idempotency_key=key, wait=PATIENCE),
    )


async def _entries(customer: Customer) -> int:
    return len(await customer.session.wallets.entries(customer.wallet.id).all())


async def declined(payment: Awaitable[PaymentIntent], otherwise: str) -> Declined:
    """Return the decline. Raises DemoError, which begins as `otherwise` says, when the payment is not declined."""
    started = time.perf_counter()
    try:
        intent = await payment
    except DeclinedError as error:
        if error.payment_intent is None:
            raise
        return Declined(_since(started), error.payment_intent, error)
    raise DemoError(f"{otherwise}: it is {intent.status}")


async def timed(work: Awaitable[T]) -> tuple[T, float]:
    """Return the result and how many milliseconds it took."""
    started = time.perf_counter()
    return await work, _since(started)


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
