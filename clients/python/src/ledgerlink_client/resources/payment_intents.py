"""Payment intents: money on its way to somebody else, into a wallet of one's own, or out of it to a bank."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Required, TypedDict, Unpack
from uuid import UUID

from pydantic_core import from_json

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.errors import LedgerLinkError
from ledgerlink_client.event_stream import EventFollower
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.payments import (
    CancellationReason,
    CaptureMethod,
    Direction,
    PaymentEvent,
    PaymentIntent,
    PaymentStatus,
)
from ledgerlink_client.options import AS_USUAL, Options

_PATH = "/v1/payment_intents"
_FOLLOWED_SECONDS = 3600.0
PaymentMethod = Mapping[str, str]


def wallet(identifier: UUID | str) -> PaymentMethod:
    """Return the payment method that is a wallet of the payer's own."""
    return {"type": "wallet", "wallet": str(identifier)}


def card(token: str) -> PaymentMethod:
    """Return the payment method that is a card, by the token that the processor made of it."""
    return {"type": "card", "token": token}


def bank(token: str) -> PaymentMethod:
    """Return the payment method that is a bank account, by the token that the processor made of it."""
    return {"type": "bank", "token": token}


class PaymentIntentOrder(TypedDict, total=False):
    """What a new payment intent can be made of. `amount` is in whole minor units."""

    amount: Required[int]
    currency: Required[str]
    direction: Direction
    source_wallet: UUID | str
    destination_wallet: UUID | str
    payment_method: PaymentMethod
    capture_method: CaptureMethod
    application_fee: int
    description: str
    statement_descriptor: str
    metadata: Mapping[str, str]
    return_url: str
    country: str
    confirm: bool


class PaymentIntentChanges(TypedDict, total=False):
    """What can be changed before a payment is confirmed, or after it was declined."""

    amount: int
    payment_method: PaymentMethod
    application_fee: int
    description: str
    statement_descriptor: str
    metadata: Mapping[str, str]


class PaymentIntentFilters(TypedDict, total=False):
    """What a list of payment intents can be narrowed down to; all that is given must hold."""

    status: PaymentStatus
    direction: Direction
    customer: UUID | str
    currency: str
    amount_from: int
    amount_to: int
    created_from: datetime
    created_to: datetime
    metadata: Mapping[str, str]
    limit: int


class PaymentIntents:
    """The payments of which the user that asks is customer or merchant."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(self, *, options: Options = AS_USUAL, **order: Unpack[PaymentIntentOrder]) -> PaymentIntent:
        """Create a payment intent; with `confirm=True` set it going and wait for its outcome.

        Raises DeclinedError, whose `payment_intent` can be confirmed again.
        """
        return await self._calls.command(_PATH, PaymentIntent, dict(order), options)

    async def get(self, intent: UUID | str) -> PaymentIntent:
        """Read a payment intent."""
        return await self._calls.get(f"{_PATH}/{intent}", PaymentIntent)

    def list(self, **filters: Unpack[PaymentIntentFilters]) -> Listing[PaymentIntent]:
        """List payment intents, newest first."""
        return Listing(self._calls, _PATH, PaymentIntent, "payment_intents", query=dict(filters))

    async def update(
        self, intent: UUID | str, *, options: Options = AS_USUAL, **changes: Unpack[PaymentIntentChanges]
    ) -> PaymentIntent:
        """Change an intent that was not confirmed yet, or was declined; what is left out stays."""
        return await self._calls.command(f"{_PATH}/{intent}", PaymentIntent, dict(changes), options)

    async def confirm(
        self,
        intent: UUID | str,
        *,
        payment_method: PaymentMethod | None = None,
        return_url: str | None = None,
        options: Options = AS_USUAL,
    ) -> PaymentIntent:
        """Set a payment going, or try it again after a decline. Raises DeclinedError."""
        body = given(payment_method=payment_method, return_url=return_url)
        return await self._calls.command(f"{_PATH}/{intent}/confirm", PaymentIntent, body, options)

    async def capture(
        self,
        intent: UUID | str,
        amount: int | None = None,
        *,
        final: bool = True,
        options: Options = AS_USUAL,
    ) -> PaymentIntent:
        """Take what is authorised, all of it or `amount`, as its merchant; the rest is released if this is `final`."""
        body = given(amount=amount, final_capture=final)
        return await self._calls.command(f"{_PATH}/{intent}/capture", PaymentIntent, body, options)

    async def cancel(
        self, intent: UUID | str, reason: CancellationReason | None = None, *, options: Options = AS_USUAL
    ) -> PaymentIntent:
        """Give a payment up before its money has moved."""
        body = given(cancellation_reason=reason)
        return await self._calls.command(f"{_PATH}/{intent}/cancel", PaymentIntent, body, options)

    async def events(
        self, intent: UUID | str, *, last_event_id: str | None = None, seconds: float = _FOLLOWED_SECONDS
    ) -> AsyncIterator[PaymentEvent]:
        """Follow a payment: its events so far, then each as it happens, until it has succeeded or is canceled.

        Lost connections are taken up again. Raises NoAnswerError when it goes on for longer than `seconds`.
        """
        if self._calls.who is None:
            raise LedgerLinkError("to follow a payment, say who asks")
        follower = EventFollower(
            self._calls.transport, self._calls.who, f"{_PATH}/{intent}/events", last_id=last_event_id, seconds=seconds
        )
        async for event in follower.events():
            yield PaymentEvent(id=event.id, type=event.type, data=from_json(event.data))
