"""How a payment is paid, and what its customer may still have to do."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import UUID7, BaseModel, ConfigDict, Field

ProcessorName = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$", description="Also names its clearing account")]
Token = Annotated[
    str,
    Field(
        pattern="^[A-Za-z][A-Za-z0-9_-]{2,63}$",
        description="What the processor made of the card or bank account. Never the number itself",
        examples=["tok_visa"],
    ),
]


class MethodType(StrEnum):
    """What money is paid with, or paid out to."""

    WALLET = "wallet"
    CARD = "card"
    BANK = "bank"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class WalletMethod(_Part):
    """A wallet of the customer's own."""

    type: Literal["wallet"] = "wallet"
    wallet: UUID7


class CardMethod(_Part):
    """A card, by the processor's token."""

    type: Literal["card"] = "card"
    token: Token


class BankMethod(_Part):
    """A bank account, by the processor's token."""

    type: Literal["bank"] = "bank"
    token: Token


PaymentMethod = Annotated[WalletMethod | CardMethod | BankMethod, Field(discriminator="type")]


class MethodShown(_Part):
    """A payment method as those see it whom the payment concerns.

    Never the token: whoever has one can pay with it, and a merchant must not pay with its customers' cards.
    """

    type: MethodType
    wallet: UUID7 | None = None


class ActionType(StrEnum):
    """Why a payment waits although it was confirmed."""

    REDIRECT_TO_URL = "redirect_to_url"
    RISK_REVIEW = "risk_review"


class NextAction(_Part):
    """What must happen before the payment goes on: the customer goes to `url`, or an analyst decides."""

    type: ActionType
    url: str | None = None
