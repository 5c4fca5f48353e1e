"""What operations have come to, for a service that checks its own records against the ledger."""

from typing import Annotated

from pydantic import UUID7, Field

from contracts.message import Message, query
from contracts.money import Amount, Currency
from contracts.wallet.accounts import SystemAccountName
from contracts.wallet.holds import HoldStatus

EFFECTS_IDS_LIMIT = 500
EFFECTS_LIMIT = 1500
"""Transfers in one answer: so many fit into a message. Only journals can have more of them than ids are asked for."""


class TransferEffect(Message):
    """A posted transfer, as far as it is an effect: what moved, between which accounts, and what for.

    `debit_name` and `credit_name` are by what commands may name the accounts, where they can be named.
    """

    id: UUID7
    debit_account: UUID7
    credit_account: UUID7
    debit_name: SystemAccountName | None = None
    credit_name: SystemAccountName | None = None
    amount: Amount
    currency: Currency
    reference: UUID7 | None = None
    journal_id: UUID7 | None = None
    hold_id: UUID7 | None = None
    reverses: UUID7 | None = None


class HoldEffect(Message):
    """A hold, as it counts now."""

    id: UUID7
    amount: Amount
    currency: Currency
    captured: int
    remaining: int
    status: HoldStatus
    reference: UUID7 | None = None


class RefusedEffect(Message):
    """An operation that changed nothing, and the code of the rule that it broke."""

    id: UUID7
    code: str


class Effects(Message):
    """What is known under some ids. What is in none of the lists was never carried out, or not yet.

    `transfers` are those with one of the ids, and those of journals with one of the ids.
    """

    transfers: list[TransferEffect]
    holds: list[HoldEffect]
    refused: list[RefusedEffect]


@query("wallet", "get_effects", senders=("payments",), answer=Effects)
class GetEffects(Message):
    """Read what became of operations, by their ids: of transfers, journals and holds.

    Refused with `too_many_effects` when they have more than 1,500 transfers together.
    """

    ids: Annotated[list[UUID7], Field(min_length=1, max_length=EFFECTS_IDS_LIMIT)]
