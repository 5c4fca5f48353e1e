"""Messages of the wallet service, the double-entry ledger.

Balances are signed minor units, credits minus debits: a customer's wallet is a liability and positive when it
holds money; a clearing account mirrors it with the opposite sign, so that every currency sums to zero.
"""

from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency

PAGE_LIMIT = 100


class Account(Message):
    """A ledger account; a wallet is one that a user owns. `floor` is the lowest balance it may reach."""

    id: UUID7
    owner: UUID7 | None
    currency: Currency
    balance: int
    floor: int | None
    created_at: AwareDatetime


class Accounts(Message):
    """Some accounts; those that do not exist are left out."""

    accounts: list[Account]


class Entry(Message):
    """One side of a transfer on one account: positive credits, negative debits."""

    sequence: Annotated[int, Field(description="Position in the account's ledger-wide order")]
    account_id: UUID7
    transfer_id: UUID7
    amount: int
    balance_after: int
    posted_at: AwareDatetime


class EntryPage(Message):
    """Entries, newest first; `next_before` continues after the last one, and is None at the end."""

    entries: list[Entry]
    next_before: int | None


class Transfer(Message):
    """A posted transfer: `amount` left the debit account and reached the credit account."""

    id: UUID7
    debit_account: UUID7
    credit_account: UUID7
    amount: Amount
    currency: Currency
    reference: UUID7 | None = None
    sequence: int
    posted_at: AwareDatetime


@command("wallet", "open_account", senders=("gateway",), answer=Account)
class OpenAccount(Message):
    """Open a wallet for a user."""

    account_id: UUID7
    owner: UUID7
    currency: Currency
    idempotency: Idempotency


@command("wallet", "fund_account", senders=("gateway",), answer=Transfer)
class FundAccount(Message):
    """Move money from the currency's clearing account into a wallet."""

    transfer_id: UUID7
    account_id: UUID7
    amount: Amount
    currency: Currency
    idempotency: Idempotency


@command("wallet", "post_transfer", senders=("payments",))
class PostTransfer(Message):
    """Post one transfer. `transfer_id` is the idempotency key: another body under the same id is refused.

    `authorised_by` must own the debit account. `reference` comes back in the outcome event.
    """

    transfer_id: UUID7
    debit_account: UUID7
    credit_account: UUID7
    amount: Amount
    currency: Currency
    authorised_by: UUID7
    reference: UUID7


@event("wallet", "account.opened")
class AccountOpened(Message):
    """An account exists and takes transfers."""

    account_id: UUID7
    owner: UUID7 | None
    currency: Currency
    opened_at: AwareDatetime


@event("wallet", "transfer.posted")
class TransferPosted(Message):
    """A transfer is in the ledger."""

    transfer: Transfer


@event("wallet", "transfer.refused")
class TransferRefused(Message):
    """A transfer was refused and changed nothing; `problem.code` is the first rule it broke."""

    transfer_id: UUID7
    reference: UUID7 | None = None
    problem: Problem


@query("wallet", "get_accounts", senders=("gateway",), answer=Accounts)
class GetAccounts(Message):
    """Read accounts by id."""

    ids: Annotated[list[UUID7], Field(min_length=1, max_length=PAGE_LIMIT)]


@query("wallet", "list_accounts", senders=("gateway",), answer=Accounts)
class ListAccounts(Message):
    """Read the wallets of one owner, oldest first, the first hundred."""

    owner: UUID7


@query("wallet", "list_entries", senders=("gateway",), answer=EntryPage)
class ListEntries(Message):
    """Read an account's entries, newest first, those with a sequence below `before`."""

    account_id: UUID7
    before: int | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("wallet", "get_transfer", senders=("gateway",), answer=Transfer)
class GetTransfer(Message):
    """Read one posted transfer. Refused with `transfer_not_found`, or the code it was refused with."""

    id: UUID7
