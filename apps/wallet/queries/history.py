"""Read what was: balances as of an instant, statements, closed periods, the trial balance."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from apps.wallet.domain.periods import period_resource
from apps.wallet.domain.statement import MICROSECOND, Cursor, Extent, Line, Position, with_balances
from apps.wallet.domain.timeline import BEGINNING
from apps.wallet.domain.trial_balance import trial_balance
from apps.wallet.store import history
from apps.wallet.store.history import Head, Stretch
from apps.wallet.store.periods import load_newest_periods, load_periods
from contracts.message import Envelope
from contracts.wallet import (
    PAGE_LIMIT,
    Balance,
    Balances,
    GetBalance,
    GetBalances,
    GetStatement,
    GetTrialBalance,
    ListPeriods,
    Periods,
    StatementLine,
    StatementPage,
    TrialBalance,
)
from outbox.database import Database, Reads
from outbox.responder import Refused


async def get_balance(database: Database, query: Envelope[GetBalance]) -> Balance:
    """Return an account's balance as of an instant. Refused with `account_not_found`."""
    asked = query.data
    async with database.reads() as reads:
        found = await history.load_account(reads, asked.account_id)
        if found is None:
            raise _account_not_found("account_id")
        (balance,) = await _balances(reads, *found, asked.at, asked.known_at)
    return balance


async def get_balances(database: Database, query: Envelope[GetBalances]) -> Balances:
    """Return the balances of a wallet as of an instant. Refused with `account_not_found`."""
    asked = query.data
    async with database.reads() as reads:
        found = await history.load_wallet(reads, asked.wallet)
        if found is None:
            raise _account_not_found("wallet")
        return Balances(balances=await _balances(reads, *found, asked.at, asked.known_at))


async def _balances(
    reads: Reads, head: Head, currencies: Mapping[UUID, str], at: datetime | None, known_at: datetime | None
) -> list[Balance]:
    at = at or datetime.now(UTC)
    known_at = min(known_at or head.moved_at, head.moved_at)
    known = await history.load_known(reads, head, known_at)
    position = Position.after(min(at, head.moved_at))
    standings = await history.load_standings(reads, list(currencies), [position], known)
    return [
        Balance(
            account_id=account,
            currency=currency,
            balance=standings[account, position].balance,
            at=at,
            known_at=known_at,
        )
        for account, currency in currencies.items()
    ]


async def get_statement(database: Database, query: Envelope[GetStatement]) -> StatementPage:
    """Return a page of a statement. Refused with `account_not_found`, `period_empty` or `cursor_invalid`."""
    asked = query.data
    if asked.starts_at >= asked.ends_at:
        raise Refused("period_empty", "The period must end after it starts.", "ends_at")
    async with database.reads() as reads:
        found = await history.load_account(reads, asked.account_id)
        if found is None:
            raise _account_not_found("account_id")
        head, currencies = found
        return await _page(reads, asked, currencies[asked.account_id], head)


def _cursor(asked: GetStatement, head: Head) -> Cursor:
    """Return where the page starts; a first page starts before everything, and shows the ledger as it is now."""
    if asked.cursor is None:
        return Cursor(_before(asked.starts_at, head), None if head.is_closed(asked.ends_at) else head.sequence)
    try:
        cursor = Cursor.decode(asked.cursor, _extent(asked))
    except ValueError:
        cursor = None
    if cursor is None:
        detail = "This is not a cursor of this statement; take `next_cursor` of the page before."
        raise Refused("cursor_invalid", detail, "cursor")
    return cursor


def _extent(asked: GetStatement) -> Extent:
    return Extent(asked.account_id, asked.starts_at, asked.ends_at)


def _before(moment: datetime, head: Head) -> Position:
    """Return the place before an instant. Nothing is effective after the ledger's newest transfer."""
    return Position.before(min(moment, head.moved_at + MICROSECOND))


async def _page(reads: Reads, asked: GetStatement, currency: str, head: Head) -> StatementPage:
    account, cursor = asked.account_id, _cursor(asked, head)
    known = head.sequence if cursor.known is None else min(cursor.known, head.sequence)
    first, start, last = _before(asked.starts_at, head), cursor.position, _before(asked.ends_at, head)
    standings = await history.load_standings(reads, [account], list({first, start, last}), known)
    opening, before, closing = (standings[account, position] for position in (first, start, last))
    stretch = Stretch(account, start, last, before.recorded, closing.recorded, known)
    lines = await history.load_lines(reads, stretch, asked.limit + 1)
    more = len(lines) > asked.limit
    return StatementPage(
        account_id=account,
        currency=currency,
        starts_at=asked.starts_at,
        ends_at=asked.ends_at,
        opening=opening.balance,
        closing=closing.balance,
        closed=head.is_closed(asked.ends_at),
        lines=[_line(line, balance) for line, balance in with_balances(before.balance, lines[: asked.limit])],
        next_cursor=Cursor(lines[asked.limit - 1].position, cursor.known).encode(_extent(asked)) if more else None,
    )


def _line(line: Line, balance: int) -> StatementLine:
    return StatementLine.model_construct(
        transfer_id=line.transfer_id,
        sequence=line.sequence,
        effective_at=line.effective_at,
        posted_at=line.posted_at,
        amount=line.amount,
        balance=balance,
        counterparty=line.counterparty,
        reference=line.reference,
    )


async def list_periods(database: Database, query: Envelope[ListPeriods]) -> Periods:
    """Return closed periods, newest first, at most PAGE_LIMIT."""
    asked = query.data
    async with database.reads() as reads:
        if asked.id is not None:
            found = list((await load_periods(reads, [asked.id])).values())
        else:
            found = await load_newest_periods(reads, _readable(asked.before), PAGE_LIMIT)
    return Periods(periods=[period_resource(period) for period in found])


def _readable(moment: datetime | None) -> datetime | None:
    """Return an instant that the database can read: in UTC some at the ends of time are not in the years 1 to 9999."""
    return moment and max(min(moment, datetime.now(UTC)), BEGINNING)


async def get_trial_balance(database: Database, query: Envelope[GetTrialBalance]) -> TrialBalance:
    """Return the trial balance as of an instant; the wallets are what all other accounts leave."""
    at = query.data.at or datetime.now(UTC)
    async with database.reads() as reads:
        # The head first: what is opened and moved in between is beyond it, and adds an account without a balance.
        head = await history.load_head(reads)
        chart = await history.load_chart(reads)
        position = Position.after(min(at, head.moved_at))
        standings = await history.load_standings(reads, [a.id for a in chart], [position], head.sequence)
    balances = [(account, standings[account.id, position].balance) for account in chart]
    return TrialBalance(at=at, lines=trial_balance(balances))


def _account_not_found(parameter: str) -> Refused:
    return Refused("account_not_found", "There is no account with this id.", parameter)
