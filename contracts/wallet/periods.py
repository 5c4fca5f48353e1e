"""Time in the ledger: balances as of an instant, statements, and periods that are closed for ever."""

from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query
from contracts.money import Currency
from contracts.wallet.accounts import PAGE_LIMIT, AccountKind, AccountType


class Balance(Message):
    """An account's balance as of an instant: the sum of what was effective by `at`, as it was known at `known_at`.

    `known_at` is at latest the time of the ledger's newest transfer, so that the same question always has this answer.
    """

    account_id: UUID7
    currency: Currency
    balance: int
    at: AwareDatetime
    known_at: AwareDatetime


class Balances(Message):
    """The balances of a wallet as of an instant, one for each of its currencies, in the order of these."""

    balances: list[Balance]


class StatementLine(Message):
    """One entry of a statement, and the balance after it in the order of effective dates."""

    transfer_id: UUID7
    sequence: int
    effective_at: AwareDatetime
    posted_at: AwareDatetime
    amount: int
    balance: int
    counterparty: UUID7
    reference: UUID7 | None = None


class StatementPage(Message):
    """A page of the statement of [starts_at, ends_at); `opening` and `closing` are of the whole period.

    `closed` says that the period is closed, so that this statement can never change.
    """

    account_id: UUID7
    currency: Currency
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    opening: int
    closing: int
    closed: bool
    lines: list[StatementLine]
    next_cursor: str | None = None


class Period(Message):
    """A closed period [starts_at, ends_at): nothing becomes effective in it any more. The first has no start."""

    id: UUID7
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    closed_at: AwareDatetime
    closed_by: UUID7


class Periods(Message):
    """Closed periods, newest first."""

    periods: list[Period]


class TrialBalanceLine(Message):
    """What stands on one kind of account of one currency, each balance on the side where it is, in minor units.

    Wallets, of which there are many, stand as one sum: what all other accounts of the currency leave.
    """

    currency: Currency
    type: AccountType
    kind: AccountKind
    accounts: int | None = None
    debit: int
    credit: int


class TrialBalance(Message):
    """All balances of the ledger as of an instant: per currency, debits equal credits."""

    at: AwareDatetime
    lines: list[TrialBalanceLine]


@command("wallet", "close_period", senders=("gateway",), answer=Period)
class ClosePeriod(Message):
    """Close everything before `ends_at`, which is after the last period's end and not in the future."""

    period_id: UUID7
    ends_at: AwareDatetime
    closed_by: UUID7
    idempotency: Idempotency


@event("wallet", "period.closed")
class PeriodClosed(Message):
    """Nothing becomes effective in the period any more."""

    period: Period


@query("wallet", "get_balance", senders=("gateway",), answer=Balance)
class GetBalance(Message):
    """Read a balance as of `at` (effective) as known at `known_at` (recorded); None is now."""

    account_id: UUID7
    at: AwareDatetime | None = None
    known_at: AwareDatetime | None = None


@query("wallet", "get_balances", senders=("gateway",), answer=Balances)
class GetBalances(Message):
    """Read the balances of all accounts of a wallet as of `at` (effective) as known at `known_at` (recorded)."""

    wallet: UUID7
    at: AwareDatetime | None = None
    known_at: AwareDatetime | None = None


@query("wallet", "get_statement", senders=("gateway",), answer=StatementPage)
class GetStatement(Message):
    """Read a page of an account's statement, in the order of effective dates."""

    account_id: UUID7
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = PAGE_LIMIT


@query("wallet", "list_periods", senders=("gateway",), answer=Periods)
class ListPeriods(Message):
    """Read closed periods, newest first, a hundred at most: the one with `id`, or those that ended before `before`."""

    id: UUID7 | None = None
    before: AwareDatetime | None = None


@query("wallet", "get_trial_balance", senders=("gateway",), answer=TrialBalance)
class GetTrialBalance(Message):
    """Read the trial balance as of `at` (effective); None is now."""

    at: AwareDatetime | None = None
