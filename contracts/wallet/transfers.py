"""Transfers and reversals: money that moves from a debit account to a credit account of one currency.

Balances are signed minor units, credits minus debits: a customer's wallet is a liability and positive when it
holds money; a clearing account mirrors it with the opposite sign, so that every currency sums to zero.
"""

from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency
from contracts.wallet.accounts import PAGE_LIMIT, AccountRef, Metadata, Processor

EffectiveAt = Annotated[
    AwareDatetime | None,
    Field(description="When it counts from; not in the future, not in a closed period. None: when it is posted"),
]


class Entry(Message):
    """One side of a transfer on one account: positive credits, negative debits."""

    sequence: Annotated[int, Field(description="Position in the ledger-wide order")]
    account_id: UUID7
    transfer_id: UUID7
    amount: int
    balance_after: Annotated[int, Field(description="In the order in which entries were recorded")]
    posted_at: AwareDatetime
    effective_at: AwareDatetime | None = None


class EntryPage(Message):
    """Entries, newest first; `next_before` continues after the last one, and is None at the end."""

    entries: list[Entry]
    next_before: int | None = None


class Transfer(Message):
    """A posted transfer: `amount` left the debit account and reached the credit account.

    `posted_at` is when it was recorded, `effective_at` when it counts from. `reverses` names the transfer that it takes
    back, `reversed_total` how much of that one has been taken back with it; `hold_id` the hold that it captured.
    """

    id: UUID7
    debit_account: UUID7
    credit_account: UUID7
    amount: Amount
    currency: Currency
    reference: UUID7 | None = None
    sequence: int
    posted_at: AwareDatetime
    effective_at: AwareDatetime | None = None
    journal_id: UUID7 | None = None
    hold_id: UUID7 | None = None
    reverses: UUID7 | None = None
    reversed_total: Amount | None = None
    metadata: Metadata | None = None


class TransferPage(Message):
    """Transfers, newest first; `next_before` continues after the last one, and is None at the end."""

    transfers: list[Transfer]
    next_before: int | None = None


@command("wallet", "fund_account", senders=("gateway",), answer=Transfer)
class FundAccount(Message):
    """Move money from a clearing account of the currency into a wallet; None: the one without a processor."""

    transfer_id: UUID7
    account_id: UUID7
    amount: Amount
    currency: Currency
    processor: Processor | None = None
    idempotency: Idempotency


@command("wallet", "post_transfer", senders=("payments", "gateway"), answer=Transfer)
class PostTransfer(Message):
    """Post one transfer. `transfer_id` is the idempotency key: another body under the same id is refused.

    `authorised_by` must own the debit account; None is an operator or a service, who may name any account, also one of
    the system's own by what it is for. `reference` comes back in the outcome event.
    """

    transfer_id: UUID7
    debit_account: AccountRef
    credit_account: AccountRef
    amount: Amount
    currency: Currency
    authorised_by: UUID7 | None = None
    reference: UUID7 | None = None
    effective_at: EffectiveAt = None
    metadata: Metadata | None = None
    idempotency: Idempotency | None = None


@command("wallet", "reverse_transfer", senders=("gateway",), answer=Transfer)
class ReverseTransfer(Message):
    """Take a transfer back, or `amount` of it (None: what is left): a new transfer the other way, under its own id.

    All reversals of a transfer together never exceed it. A reversal is a transfer and can be reversed itself.
    """

    transfer_id: UUID7
    reverses: UUID7
    amount: Amount | None = None
    reference: UUID7 | None = None
    effective_at: EffectiveAt = None
    metadata: Metadata | None = None
    idempotency: Idempotency | None = None


@event("wallet", "transfer.posted")
class TransferPosted(Message):
    """A transfer is in the ledger."""

    transfer: Transfer


@event("wallet", "transfer.refused")
class TransferRefused(Message):
    """A transfer or reversal was refused and changed nothing; `problem.code` is the first rule it broke."""

    transfer_id: UUID7
    reference: UUID7 | None = None
    problem: Problem


@query("wallet", "list_entries", senders=("gateway",), answer=EntryPage)
class ListEntries(Message):
    """Read an account's entries, newest first, those with a sequence below `before`."""

    account_id: UUID7
    before: int | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("wallet", "list_transfers", senders=("gateway",), answer=TransferPage)
class ListTransfers(Message):
    """Read the transfers from and to an account, newest first, those with a sequence below `before`."""

    account_id: UUID7
    before: int | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("wallet", "get_transfer", senders=("gateway",), answer=Transfer)
class GetTransfer(Message):
    """Read one posted transfer. Refused with `transfer_not_found`, or the code it was refused with."""

    id: UUID7
