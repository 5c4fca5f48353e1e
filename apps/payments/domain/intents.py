"""A payment intent as the rules see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from apps.payments.domain.transitions import State
from contracts.message import Problem
from contracts.payments import CancellationReason, CaptureMethod, MethodType, NextAction, PaymentDirection


@dataclass(frozen=True, slots=True)
class Method:
    """How it is paid. A wallet is the intent's `source_wallet`; all others are a processor's token."""

    type: MethodType
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to pay, counted from 1: the ids by which risk and the ledger speak of it.

    `transfer_id` is the ledger's transfer; of a payment that was captured several times, the newest one.
    """

    number: int
    assessment_id: UUID
    transfer_id: UUID


class Intent(NamedTuple):
    """A payment of `amount` minor units; `attempt` is the current or last try.

    `authorised` may be captured, `capturing` is on its way, `captured` is there. `refunding`, `refunded`, `disputed`
    and `lost` are parts of what was captured, and never exceed it together. `authorisation` is the processor's
    reference of its authorisation or charge, `hold_id` the ledger's hold on the source wallet; `held_for` is the
    processor over whose clearing account a payout's hold is captured.

    `deadline_at` is the end of the current wait, where it has one. `asked_by` is the address of the newest command that
    set it going, which the rules pass on unread; `awaited` says that its final answer is still due. `hops` counts.
    """

    id: UUID
    customer: UUID
    merchant: UUID | None
    direction: PaymentDirection
    source_wallet: UUID | None
    destination_wallet: UUID | None
    method: Method | None
    amount: int
    currency: str
    capture_method: CaptureMethod
    application_fee: int
    description: str | None
    statement_descriptor: str | None
    metadata: dict[str, str]
    return_url: str | None
    country: str | None
    state: State
    created_at: datetime
    updated_at: datetime
    attempt: Attempt | None = None
    processor: str | None = None
    next_action: NextAction | None = None
    last_payment_error: Problem | None = None
    cancellation_reason: CancellationReason | None = None
    authorised: int = 0
    capturing: int = 0
    captured: int = 0
    final_capture: bool = False
    refunding: int = 0
    refunded: int = 0
    disputed: int = 0
    lost: int = 0
    hold_id: UUID | None = None
    held_for: str | None = None
    authorisation: str | None = None
    capture_before: datetime | None = None
    deadline_at: datetime | None = None
    asked_by: str | None = None
    awaited: bool = False
    hops: int = 0

    @property
    def current(self) -> Attempt:
        """The current or last attempt. Raises ValueError before the first confirmation."""
        if self.attempt is None:
            raise ValueError(f"payment intent {self.id} was never confirmed")
        return self.attempt

    @property
    def capturable(self) -> int:
        """What is authorised and neither captured nor on its way."""
        return self.authorised - self.captured - self.capturing

    @property
    def refundable(self) -> int:
        """What was captured and has not gone back in any way."""
        return self.captured - self.refunding - self.refunded - self.disputed - self.lost

    @property
    def source(self) -> UUID:
        """The wallet that it is taken from. Raises ValueError when that is not a wallet."""
        return _there(self.source_wallet)

    @property
    def destination(self) -> UUID:
        """The wallet that it goes to. Raises ValueError when that is not a wallet."""
        return _there(self.destination_wallet)

    @property
    def by_wallet(self) -> bool:
        """Whether a wallet pays, so that no processor has a part in it."""
        return self.method is not None and self.method.type is MethodType.WALLET

    def concerns(self, party: UUID) -> bool:
        """Tell whether `party` may see it."""
        return party in (self.customer, self.merchant)


def _there(wallet: UUID | None) -> UUID:
    if wallet is None:
        raise ValueError("this side of the payment is not a wallet")
    return wallet
