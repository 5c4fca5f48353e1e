"""Accounts: the chart of accounts, customers' wallets, and what an operator may change about them."""

from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import UUID7, AwareDatetime, Field, model_validator

from contracts.message import Idempotency, Message, command, event, query
from contracts.money import Currency

PAGE_LIMIT = 100
BALANCE_LIMIT = 10**18
"""The largest balance in either direction, in minor units; what would exceed it is refused, so no sum overflows."""

Limit = Annotated[int, Field(strict=True, ge=-BALANCE_LIMIT, le=BALANCE_LIMIT)]
_NO_NUL = "^[^\x00]*$"  # which no text in PostgreSQL can hold
Metadata = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=40, pattern=_NO_NUL)],
        Annotated[str, Field(max_length=500, pattern=_NO_NUL)],
    ],
    Field(max_length=20, description="Up to 20 pairs for the client's own use", examples=[{"order": "4711"}]),
]
ExternalId = Annotated[
    str,
    Field(min_length=1, max_length=128, pattern=_NO_NUL, description="The account's name elsewhere; unique"),
]
Processor = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$", description="Whose clearing account it is")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=_NO_NUL, description="Why, for the record")]


class AccountType(StrEnum):
    """The five types of the chart of accounts."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"
    EQUITY = "equity"


class NormalSide(StrEnum):
    """The side on which an account usually stands."""

    DEBIT = "debit"
    CREDIT = "credit"


class AccountKind(StrEnum):
    """What an account is for. All but `wallet` are the system's own.

    `clearing` has one account per processor and currency, `fees`, `suspense` and `fx` one per currency; `general` is
    whatever else an operator's chart needs.
    """

    WALLET = "wallet"
    CLEARING = "clearing"
    FEES = "fees"
    SUSPENSE = "suspense"
    FX = "fx"
    GENERAL = "general"


class SystemAccountName(Message):
    """Names one of the system's own accounts by what it is for; its currency is that of what names it.

    It is opened when it is named for the first time. `processor` is whose clearing account; None: the general one.
    """

    kind: Literal[AccountKind.CLEARING, AccountKind.FEES, AccountKind.SUSPENSE]
    processor: Processor | None = None

    @model_validator(mode="after")
    def _only_clearing_has_a_processor(self) -> Self:
        if self.processor is not None and self.kind is not AccountKind.CLEARING:
            raise ValueError("only a clearing account has a processor")
        return self


# Nearly always an id, so that is tried first, and alone.
AccountRef: TypeAlias = Annotated[UUID7 | SystemAccountName, Field(union_mode="left_to_right")]


class Direction(StrEnum):
    """Which way money may not go while an account is frozen: `in` takes nothing, `out` gives nothing."""

    NONE = "none"
    IN = "in"
    OUT = "out"
    BOTH = "both"


class Account(Message):
    """A ledger account; a wallet is one that a user owns.

    `balance` is credits minus debits, `held` the part of it that pending holds reserve, `available` the rest.
    `available` stays at or above `floor`, `balance` at or below `ceiling`; None is no limit. The accounts of one
    wallet, one for each currency, share `wallet`, the id of the first.
    """

    id: UUID7
    owner: UUID7 | None = None
    currency: Currency
    balance: int
    floor: int | None = None
    created_at: AwareDatetime
    held: int = 0
    available: int | None = None
    ceiling: int | None = None
    kind: AccountKind | None = None
    type: AccountType | None = None
    normal_side: NormalSide | None = None
    wallet: UUID7 | None = None
    processor: str | None = None
    external_id: str | None = None
    frozen: Direction = Direction.NONE
    closed_at: AwareDatetime | None = None
    metadata: Metadata = Field(default_factory=dict)


class Accounts(Message):
    """Some accounts; those that do not exist are left out."""

    accounts: list[Account]


class AccountPage(Message):
    """Accounts by age; `next_cursor` continues after the last one, and is None at the end."""

    accounts: list[Account]
    next_cursor: str | None = None


@command("wallet", "open_account", senders=("gateway",), answer=Account)
class OpenAccount(Message):
    """Open a wallet for a user; with `wallet`, add a currency to a wallet that the user has."""

    account_id: UUID7
    owner: UUID7
    currency: Currency
    wallet: UUID7 | None = None
    idempotency: Idempotency


@command("wallet", "open_system_account", senders=("gateway",), answer=Account)
class OpenSystemAccount(Message):
    """Open one of the system's own accounts. Kinds that exist once per currency (and processor) are refused twice."""

    account_id: UUID7
    kind: AccountKind
    type: AccountType
    currency: Currency
    processor: Processor | None = None
    external_id: ExternalId | None = None
    floor: Limit | None = None
    ceiling: Limit | None = None
    metadata: Metadata = Field(default_factory=dict)
    idempotency: Idempotency


class Limits(Message):
    """The lowest `available` and the highest `balance` of an account; None is no limit, and envelopes leave it out."""

    floor: Limit | None = None
    ceiling: Limit | None = None


@command("wallet", "change_account", senders=("gateway",), answer=Account)
class ChangeAccount(Message):
    """Change limits, metadata or external id; what is None stays. `changed_by` is the operator."""

    account_id: UUID7
    limits: Limits | None = None
    metadata: Metadata | None = None
    external_id: ExternalId | None = None
    changed_by: UUID7
    reason: Reason
    idempotency: Idempotency


@command("wallet", "freeze_account", senders=("gateway",), answer=Account)
class FreezeAccount(Message):
    """Stop money from going in, out, or both; `none` lets it go again. Captures of holds and reversals stop, too."""

    account_id: UUID7
    direction: Direction
    changed_by: UUID7
    reason: Reason
    idempotency: Idempotency


@command("wallet", "close_account", senders=("gateway",), answer=Account)
class CloseAccount(Message):
    """Close an account for ever; only one that holds nothing, in balance and in holds."""

    account_id: UUID7
    changed_by: UUID7
    reason: Reason
    idempotency: Idempotency


@event("wallet", "account.opened")
class AccountOpened(Message):
    """An account exists and takes transfers."""

    account_id: UUID7
    owner: UUID7 | None = None
    currency: Currency
    opened_at: AwareDatetime
    kind: AccountKind | None = None


@event("wallet", "account.changed")
class AccountChanged(Message):
    """An operator changed, froze, unfroze or closed an account: how it is now, and why."""

    account: Account
    changed_by: UUID7
    reason: Reason


@query("wallet", "get_accounts", senders=("gateway",), answer=Accounts)
class GetAccounts(Message):
    """Read accounts by id."""

    ids: Annotated[list[UUID7], Field(min_length=1, max_length=PAGE_LIMIT)]


@query("wallet", "list_accounts", senders=("gateway",), answer=Accounts)
class ListAccounts(Message):
    """Read the wallets of one owner, oldest first, the first hundred."""

    owner: UUID7


@query("wallet", "list_chart", senders=("gateway",), answer=AccountPage)
class ListChart(Message):
    """Read the chart of accounts, oldest first: all accounts, or those of one kind or currency."""

    kind: AccountKind | None = None
    currency: Currency | None = None
    external_id: ExternalId | None = None
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50
