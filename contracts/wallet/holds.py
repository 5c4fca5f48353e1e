"""Holds: money reserved on one account for another, and what becomes of it (two-phase transfers)."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency
from contracts.wallet.accounts import PAGE_LIMIT, AccountRef
from contracts.wallet.transfers import EffectiveAt, Transfer


class HoldStatus(StrEnum):
    """Where a hold stands: `pending` reserves what remains, all others reserve nothing any more."""

    PENDING = "pending"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


class Hold(Message):
    """Money that is reserved until `expires_at`. `remaining` can be captured; it is 0 once the hold has ended.

    `captured` is what has moved so far; `captured` plus `remaining` never exceeds `amount`. A hold that was captured in
    part and then voided or expired says so in `status`.
    """

    id: UUID7
    debit_account: UUID7
    credit_account: UUID7
    amount: Amount
    currency: Currency
    captured: int
    remaining: int
    status: HoldStatus
    expires_at: AwareDatetime
    reference: UUID7 | None = None
    placed_at: AwareDatetime


class HoldPage(Message):
    """Holds, newest first; `next_before` continues after the last one, and is None at the end."""

    holds: list[Hold]
    next_before: UUID7 | None = None


class Capture(Message):
    """A capture: the transfer that it posted and how it left the hold."""

    transfer: Transfer
    hold: Hold


@command("wallet", "place_hold", senders=("payments", "gateway"), answer=Hold)
class PlaceHold(Message):
    """Reserve money. `hold_id` is the idempotency key; `authorised_by` as in `PostTransfer`."""

    hold_id: UUID7
    debit_account: UUID7
    credit_account: AccountRef
    amount: Amount
    currency: Currency
    expires_at: AwareDatetime
    authorised_by: UUID7 | None = None
    reference: UUID7 | None = None
    idempotency: Idempotency | None = None


@command("wallet", "capture_hold", senders=("payments", "gateway"), answer=Capture)
class CaptureHold(Message):
    """Move `amount` of what a hold reserves (None: all of it); `release_rest` gives back what then remains.

    `transfer_id` is the id of the transfer that it posts, and the idempotency key.
    """

    transfer_id: UUID7
    hold_id: UUID7
    amount: Amount | None = None
    release_rest: bool = False
    reference: UUID7 | None = None
    effective_at: EffectiveAt = None
    idempotency: Idempotency | None = None


@command("wallet", "void_hold", senders=("payments", "gateway"), answer=Hold)
class VoidHold(Message):
    """Give back what a hold still reserves. `operation_id` is the idempotency key."""

    operation_id: UUID7
    hold_id: UUID7
    idempotency: Idempotency | None = None


@command("wallet", "extend_hold", senders=("gateway",), answer=Hold)
class ExtendHold(Message):
    """Let a hold expire later. `operation_id` is the idempotency key."""

    operation_id: UUID7
    hold_id: UUID7
    expires_at: AwareDatetime
    idempotency: Idempotency | None = None


@event("wallet", "hold.placed")
class HoldPlaced(Message):
    """Money is reserved."""

    hold: Hold


@event("wallet", "hold.captured")
class HoldCaptured(Message):
    """Some or all of a hold has moved, by a transfer that has its own event, too."""

    hold: Hold
    transfer_id: UUID7
    amount: Amount


@event("wallet", "hold.voided")
class HoldVoided(Message):
    """A hold reserves nothing any more because it was given back."""

    hold: Hold


@event("wallet", "hold.extended")
class HoldExtended(Message):
    """A hold expires later."""

    hold: Hold


@event("wallet", "hold.expired")
class HoldExpired(Message):
    """A hold's time is over. It has counted as released from `hold.expires_at` on, however late this is said."""

    hold: Hold


@event("wallet", "hold.refused")
class HoldRefused(Message):
    """A hold was not placed, captured, voided or extended; `operation_id` is the refused command's own id."""

    operation_id: UUID7
    hold_id: UUID7
    reference: UUID7 | None = None
    problem: Problem


@query("wallet", "get_hold", senders=("gateway",), answer=Hold)
class GetHold(Message):
    """Read one hold. Refused with `hold_not_found`, or the code it was refused with."""

    id: UUID7


@query("wallet", "list_holds", senders=("gateway",), answer=HoldPage)
class ListHolds(Message):
    """Read the holds on an account's money, newest first, those older than `before`."""

    account_id: UUID7
    pending: Annotated[bool, Field(description="Only those that still reserve something")] = False
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20
