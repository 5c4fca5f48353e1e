"""What may be asked of payment intents, and how a payment method is named."""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Discriminator, Field, StrictBool, Tag, model_validator

from contracts.money import MAX_AMOUNT, Amount, Currency
from contracts.payments import (
    BankMethod,
    CaptureMethod,
    CardMethod,
    PaymentDirection,
    PaymentMethod,
    StatementDescriptor,
    Token,
    WalletMethod,
)
from contracts.wallet import Metadata
from gateway.bodies import Body

WALLET, OTHER_WALLET = "01990f3e-6a00-7b11-8c22-3d33e44f5501", "01990f3e-6a01-7b11-8c22-3d33e44f5502"


class WalletPaymentMethod(Body):
    """A wallet of your own."""

    type: Literal["wallet"]
    wallet: Annotated[UUID, Field(examples=[WALLET])]


class CardPaymentMethod(Body):
    """A card, by the token that the processor made of it."""

    type: Literal["card"]
    token: Token


class BankPaymentMethod(Body):
    """A bank account, by the token that the processor made of it."""

    type: Literal["bank"]
    token: Annotated[Token, Field(examples=["tok_bank"])]


def _type_of(method: Any) -> str | None:
    """Return the type that is written, None where there is none; pydantic's own words for that help nobody."""
    kind = method.get("type") if isinstance(method, dict) else getattr(method, "type", None)
    return kind if isinstance(kind, str) and kind in {"wallet", "card", "bank"} else None


NO_METHOD = "must have a `type`: `wallet` (with a `wallet`), `card` or `bank` (with a `token`)"
Method = Annotated[
    Annotated[WalletPaymentMethod, Tag("wallet")]
    | Annotated[CardPaymentMethod, Tag("card")]
    | Annotated[BankPaymentMethod, Tag("bank")],
    Discriminator(_type_of, custom_error_type="payment_method_type", custom_error_message=NO_METHOD),
]


def said(method: Method | None) -> PaymentMethod | None:
    """Return a payment method as payments is told of it."""
    match method:
        case WalletPaymentMethod():
            return WalletMethod.model_construct(wallet=method.wallet)
        case CardPaymentMethod():
            return CardMethod.model_construct(token=method.token)
        case BankPaymentMethod():
            return BankMethod.model_construct(token=method.token)
        case None:
            return None


Description = Annotated[
    str,
    Field(
        max_length=500,
        pattern="^[^\x00]*$",
        description="For people; no NUL characters",
        examples=["Two coffees and a cake"],
    ),
]


def _with_a_host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise ValueError("there is no host in it that one could go to")
    return url


ReturnUrl = Annotated[
    str,
    AfterValidator(_with_a_host),
    Field(
        max_length=2000,
        pattern=r'^https?://[^\x00-\x20\s"<>]+$',
        description="Where the customer comes back to from the bank's page",
        examples=["https://shop.example/orders/4711"],
    ),
]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 code of the card or bank; for routing")]
Beneficiary = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern="^[^\x00]*$",
        description="The name of who gets a payout, given where it is confirmed: it is screened and not kept",
        examples=["Grace Hopper"],
    ),
]
ApplicationFee = Annotated[
    int, Field(strict=True, ge=0, le=MAX_AMOUNT, description="What the platform keeps of the amount, minor units")
]


class NewPaymentIntent(Body):
    """Money for a wallet, out of a wallet of yours or through a processor; or out of one, to a bank.

    A `payment` goes to anybody's `destination_wallet`, from `source_wallet` (short for a payment method of type wallet)
    or by `payment_method`. A `top_up` comes by card or bank into a wallet of yours. A `payout` goes from
    `source_wallet` to the bank account of `payment_method`.
    """

    direction: PaymentDirection = PaymentDirection.PAYMENT
    source_wallet: Annotated[UUID | None, Field(examples=[WALLET])] = None
    destination_wallet: Annotated[UUID | None, Field(examples=[OTHER_WALLET])] = None
    payment_method: Method | None = None
    amount: Amount
    currency: Currency
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    application_fee: ApplicationFee = 0
    description: Description | None = None
    statement_descriptor: StatementDescriptor | None = None
    metadata: Metadata | None = None
    return_url: ReturnUrl | None = None
    country: Annotated[Country | None, Field(examples=["DE"])] = None
    beneficiary: Beneficiary | None = None
    confirm: StrictBool = Field(default=False, description="Set the payment going at once", examples=[True])


class PaymentIntentChange(Body):
    """What is to change; what is left out stays. Metadata is replaced as a whole."""

    amount: Annotated[Amount | None, Field(examples=[1350])] = None
    payment_method: Method | None = None
    application_fee: ApplicationFee | None = None
    description: Description | None = None
    statement_descriptor: StatementDescriptor | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.changes():
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self

    def changes(self) -> dict[str, Any]:
        """Return what is given, by name; the payment method as payments is told of it."""
        given = {name: value for name, value in self if value is not None}
        return given | ({"payment_method": said(self.payment_method)} if self.payment_method else {})


class Confirmation(Body):
    """How to pay, if not as before."""

    payment_method: Method | None = None
    return_url: ReturnUrl | None = None
    beneficiary: Beneficiary | None = None


class IntentCapture(Body):
    """How much to take of what is authorised."""

    amount: Annotated[Amount | None, Field(description="All of it, if left out", examples=[750])] = None
    final_capture: StrictBool = Field(
        default=True, description="Release what then remains; false keeps it for further captures", examples=[False]
    )


class Cancellation(Body):
    """Why the payment is given up."""

    cancellation_reason: Annotated[
        Literal["duplicate", "fraudulent", "requested_by_customer"] | None,
        Field(examples=["requested_by_customer"]),
    ] = None


_MONEY = {"amount": 1250, "currency": "EUR"}
REQUESTS: dict[str, Any] = {
    "wallet": {
        "summary": "From a wallet of yours to anybody's",
        "value": {
            "source_wallet": WALLET,
            "destination_wallet": OTHER_WALLET,
            **_MONEY,
            "description": "Two coffees and a cake",
            "confirm": True,
        },
    },
    "card": {
        "summary": "By card, captured when the merchant says so",
        "value": {
            "destination_wallet": OTHER_WALLET,
            "payment_method": {"type": "card", "token": "tok_visa"},
            **_MONEY,
            "capture_method": "manual",
            "application_fee": 50,
            "statement_descriptor": "LEDGERLINK SHOP",
            "return_url": "https://shop.example/orders/4711",
            "metadata": {"order": "4711"},
            "confirm": True,
        },
    },
    "top_up": {
        "summary": "By card into a wallet of yours",
        "value": {
            "direction": "top_up",
            "destination_wallet": WALLET,
            "payment_method": {"type": "card", "token": "tok_visa"},
            **_MONEY,
            "confirm": True,
        },
    },
    "payout": {
        "summary": "Out of a wallet of yours to a bank account",
        "value": {
            "direction": "payout",
            "source_wallet": WALLET,
            "payment_method": {"type": "bank", "token": "tok_bank"},
            **_MONEY,
            "confirm": True,
        },
    },
}
"""Requests to create an intent, for the OpenAPI document."""
