"""Journals: transfers that post together or not at all, also across currencies."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency
from contracts.wallet.accounts import AccountRef, Metadata
from contracts.wallet.transfers import EffectiveAt, Transfer

JOURNAL_LIMIT = 100
"""The most transfers that one journal holds; an exchange counts as two."""

Rate = Annotated[
    Decimal,
    Field(gt=0, max_digits=18, decimal_places=12, description="Bought per sold, in major units", examples=["1.0853"]),
]


class TransferLeg(Message):
    """A transfer between two accounts of one currency."""

    kind: Literal["transfer"] = "transfer"
    transfer_id: UUID7
    debit_account: AccountRef
    credit_account: AccountRef
    amount: Amount
    currency: Currency


class ExchangeLeg(Message):
    """Two transfers through the fx accounts: `sold` leaves the debit account, `bought` reaches the credit account.

    `bought` must be `sold` at `rate`, rounded half to even to a minor unit.
    """

    kind: Literal["exchange"] = "exchange"
    sell_transfer_id: UUID7
    buy_transfer_id: UUID7
    debit_account: UUID7
    credit_account: UUID7
    sold: Amount
    sold_currency: Currency
    bought: Amount
    bought_currency: Currency
    rate: Rate


Leg = Annotated[TransferLeg | ExchangeLeg, Field(discriminator="kind")]


class Exchange(Message):
    """The rate at which two transfers of a journal changed currencies."""

    sell_transfer_id: UUID7
    buy_transfer_id: UUID7
    rate: Rate


class Journal(Message):
    """Transfers that were posted together, in their order, and the rates between their currencies."""

    id: UUID7
    transfers: list[Transfer]
    exchanges: list[Exchange] = Field(default_factory=list)
    reference: UUID7 | None = None
    metadata: Metadata | None = None
    posted_at: AwareDatetime


@command("wallet", "post_journal", senders=("payments", "gateway"), answer=Journal)
class PostJournal(Message):
    """Post up to a hundred linked transfers, all or none, each on the balances that the one before it left.

    `journal_id` is the idempotency key. `authorised_by` must own every wallet that is debited; None is an operator.
    """

    journal_id: UUID7
    legs: Annotated[list[Leg], Field(min_length=1, max_length=JOURNAL_LIMIT)]
    authorised_by: UUID7 | None = None
    reference: UUID7 | None = None
    effective_at: EffectiveAt = None
    metadata: Metadata | None = None
    idempotency: Idempotency | None = None


@event("wallet", "journal.posted")
class JournalPosted(Message):
    """A journal is in the ledger; each of its transfers has its own event, too."""

    journal: Journal


@event("wallet", "journal.refused")
class JournalRefused(Message):
    """A journal was refused and changed nothing; `leg` is the first one that broke a rule, from 0."""

    journal_id: UUID7
    leg: int
    reference: UUID7 | None = None
    problem: Problem


@query("wallet", "get_journal", senders=("gateway",), answer=Journal)
class GetJournal(Message):
    """Read one journal. Refused with `journal_not_found`, or the code it was refused with."""

    id: UUID7
