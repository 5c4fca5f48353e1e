"""Balances and statements of any instant are what adding everything up gives."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.wallet import queries
from apps.wallet.domain.timeline import BEGINNING, LEVELS, buckets, micros
from apps.wallet.store import history
from apps.wallet.tests.bank import Bank, envelope, idempotency
from apps.wallet.tests.past import Past, Wish
from contracts.ids import new_id
from contracts.wallet import (
    Balance,
    FundAccount,
    GetBalance,
    GetBalances,
    GetStatement,
    GetTrialBalance,
    StatementPage,
    TrialBalance,
)
from outbox.database import Database, Reads
from outbox.responder import Refused

TICK = timedelta(microseconds=1)
START = datetime.fromisoformat("2026-03-01T00:00:00Z")
REAL = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
# Few and close, so that instants coincide; and some far apart, so that the tree's high levels are used.
STEPS = st.sampled_from([1, 1, 2, 3, 17, 300_000_000, 90_000_000_000])
BACK = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 16, 17, 300_000_001, 400_000_000_000])
TRANSFERS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 1000), BACK), min_size=1, max_size=4
)
HISTORIES = st.lists(st.tuples(STEPS, TRANSFERS), min_size=1, max_size=8)


@pytest.fixture
def past(database: Database) -> Past:
    return Past(database)


async def _live(past: Past, history: list[tuple[int, list[tuple[int, int, int, int]]]]) -> list[UUID]:
    """Write a history between three new accounts, after all that was before."""
    past.entries.clear()
    accounts = [await past.account() for _ in range(3)]
    _, moment = await past.head()
    moment = max(moment, START)
    for step, transfers in history:
        moment += timedelta(microseconds=step)
        wishes = [
            Wish(accounts[d], accounts[(d + c) % 3], amount, max(moment - timedelta(microseconds=back), BEGINNING))
            for d, c, amount, back in transfers
        ]
        await past.post(moment, wishes)
    return accounts


def _instants(past: Past) -> list[datetime]:
    known = {m for e in past.entries for m in (e.effective_at, e.posted_at)}
    return sorted(known | {m - TICK for m in known} | {m + TICK for m in known})


async def _balance(database: Database, account: UUID, **when: datetime | None) -> Balance:
    return await queries.get_balance(database, envelope(GetBalance(account_id=account, **when)))


async def _page(database: Database, account: UUID, starts: datetime, ends: datetime, **more: object) -> StatementPage:
    query = GetStatement.model_validate({"account_id": account, "starts_at": starts, "ends_at": ends} | more)
    return await queries.get_statement(database, envelope(query))


@REAL
@given(HISTORIES, st.data())
async def test_a_balance_is_the_sum_of_what_was_effective_and_known(
    past: Past, database: Database, history: list[tuple[int, list[tuple[int, int, int, int]]]], data: st.DataObject
) -> None:
    accounts = await _live(past, history)
    instants = _instants(past)
    for account in accounts:
        at, known_at = data.draw(st.sampled_from(instants)), data.draw(st.sampled_from(instants))
        found = await _balance(database, account, at=at, known_at=known_at)
        assert found.balance == past.balance(account, at, known_at)
        assert (found.at, found.known_at) == (at, min(known_at, max(e.posted_at for e in past.entries)))
        now = await _balance(database, account)
        assert now.balance == past.balance(account, instants[-1], instants[-1])


@REAL
@given(HISTORIES, st.data(), st.integers(1, 4))
async def test_all_pages_of_a_statement_are_the_whole(
    past: Past,
    database: Database,
    history: list[tuple[int, list[tuple[int, int, int, int]]]],
    data: st.DataObject,
    limit: int,
) -> None:
    account, *_ = await _live(past, history)
    instants = _instants(past)
    starts, ends = sorted(data.draw(st.lists(st.sampled_from(instants), min_size=2, max_size=2, unique=True)))
    whole = await _page(database, account, starts, ends, limit=1000)
    assert [(line.transfer_id, line.amount, line.balance) for line in whole.lines] == past.lines(account, starts, ends)
    assert whole.opening == past.balance(account, starts - TICK, instants[-1])
    assert whole.closing == (whole.lines[-1].balance if whole.lines else whole.opening)
    assert (whole.closed, whole.next_cursor) == (False, None)
    lines, cursor = [], None
    while True:
        page = await _page(database, account, starts, ends, limit=limit, cursor=cursor)
        assert (page.opening, page.closing) == (whole.opening, whole.closing)
        lines += page.lines
        if (cursor := page.next_cursor) is None:
            break
        assert len(page.lines) == limit
    assert lines == whole.lines


async def test_pages_show_the_moment_of_the_first_whatever_is_posted_meanwhile(past: Past, database: Database) -> None:
    one, other = await past.account(), await past.account()
    await past.post(START, [Wish(one, other, 5, START - timedelta(hours=h)) for h in (4, 3, 2, 1)])
    period = START - timedelta(days=1), START + timedelta(days=1)
    whole = await _page(database, one, *period)
    first = await _page(database, one, *period, limit=2)
    late = START + timedelta(minutes=1)
    await past.post(late, [Wish(one, other, 7, START - timedelta(minutes=90)), Wish(one, other, 9)])
    second = await _page(database, one, *period, limit=2, cursor=first.next_cursor)
    assert first.lines + second.lines == whole.lines
    assert (second.opening, second.closing, second.next_cursor) == (0, -20, None)
    assert (await _page(database, one, *period)).closing == -36


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, LEVELS - 1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_database_finds_the_same_nodes(database: Database, moment: datetime, level: int) -> None:
    bucket = await database.pool.fetchval("SELECT bucket_of($1, $2)", moment, level)
    assert (level, bucket) == buckets(moment)[level]


LONG_AGO, FAR_AWAY = datetime.fromisoformat("0001-01-01T00:00:00+14:00"), datetime.fromisoformat(
    "9999-12-31T23:59:59.999999-12:00"
)  # fmt: skip


async def test_the_ends_of_time(past: Past, database: Database) -> None:
    one, other = await past.account(), await past.account()
    empty = await _balance(database, one, at=FAR_AWAY, known_at=FAR_AWAY)
    assert (empty.balance, empty.known_at) == (0, BEGINNING)
    await past.post(START, [Wish(one, other, 5), Wish(one, other, 3, BEGINNING)])
    assert (await _balance(database, one, at=FAR_AWAY, known_at=FAR_AWAY)).balance == -8
    assert (await _balance(database, one, at=LONG_AGO, known_at=FAR_AWAY)).balance == 0
    assert (await _balance(database, one, at=FAR_AWAY, known_at=LONG_AGO)).balance == 0
    assert (await _balance(database, one, at=BEGINNING)).balance == -3
    page = await _page(database, one, LONG_AGO, FAR_AWAY)
    assert ([line.balance for line in page.lines], page.opening, page.closing) == ([-3, -8], 0, -8)
    assert (await _page(database, one, FAR_AWAY - TICK, FAR_AWAY)).opening == -8
    assert (await _page(database, one, LONG_AGO, LONG_AGO + TICK)).closing == 0


async def test_what_is_refused(past: Past, database: Database) -> None:
    account = await past.account()
    day = START, START + timedelta(days=1)
    with pytest.raises(Refused, match="account_not_found"):
        await _page(database, new_id(), *day)
    with pytest.raises(Refused, match="account_not_found"):
        await _balance(database, new_id())
    with pytest.raises(Refused, match="account_not_found"):
        await queries.get_balances(database, envelope(GetBalances(wallet=account)))
    with pytest.raises(Refused, match="period_empty"):
        await _page(database, account, START, START)
    for cursor in ("", "nonsense", "!", "A" * 31, "A" * 32, "_" * 32, "A" * 44, "_" * 44, "f" * 64):
        with pytest.raises(Refused, match="cursor_invalid"):
            await _page(database, account, *day, cursor=cursor)


async def test_a_cursor_is_of_one_statement_only(past: Past, database: Database) -> None:
    one, other = await past.account(), await past.account()
    await past.post(START, [Wish(one, other, amount) for amount in (5, 6, 7)])
    starts, ends = START - timedelta(days=1), START + timedelta(days=1)
    cursor = (await _page(database, one, starts, ends, limit=1)).next_cursor
    assert cursor
    elsewhere = starts.astimezone(timezone(timedelta(hours=1)))  # written otherwise, and the same instant
    assert len((await _page(database, one, elsewhere, ends, cursor=cursor)).lines) == 2
    ends_of_time = await _page(database, one, LONG_AGO, FAR_AWAY, limit=1)
    assert len((await _page(database, one, LONG_AGO, FAR_AWAY, cursor=ends_of_time.next_cursor)).lines) == 2
    edited = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    of_others = [(other, starts, ends), (one, starts - TICK, ends), (one, starts, ends - TICK)]
    wrong = [(one, starts, ends, text) for text in (*edited, cursor[:32], cursor + "AAAA")]
    for account, begins, until, text in [*wrong, *((*period, cursor) for period in of_others)]:
        with pytest.raises(Refused, match="cursor_invalid"):
            await _page(database, account, begins, until, cursor=text)


async def test_a_wallets_balances_in_all_its_currencies(past: Past, database: Database) -> None:
    owner = new_id()
    wallet, dollars = new_id(), new_id()
    for account, currency in ((wallet, "EUR"), (dollars, "USD")):
        await database.pool.execute(
            "INSERT INTO account (id, kind, type, currency, created_at, owner, wallet)"
            " VALUES ($1, 'wallet', 'liability', $2, $3, $4, $5)", account, currency, START, owner, wallet,
        )  # fmt: skip
    bank, us_bank = await past.account(), await past.account("USD")
    await past.post(START, [Wish(bank, wallet, 500), Wish(us_bank, dollars, 700, currency="USD")])
    await past.post(START + TICK, [Wish(bank, wallet, 1)])
    now = await queries.get_balances(database, envelope(GetBalances(wallet=wallet)))
    assert [(b.account_id, b.currency, b.balance) for b in now.balances] == [
        (wallet, "EUR", 501),
        (dollars, "USD", 700),
    ]
    then = await queries.get_balances(database, envelope(GetBalances(wallet=wallet, at=START)))
    assert [b.balance for b in then.balances] == [500, 700]


async def _trial_balance(database: Database, at: datetime | None = None) -> TrialBalance:
    return await queries.get_trial_balance(database, envelope(GetTrialBalance(at=at)))


async def test_the_trial_balance_of_any_instant_balances(past: Past, database: Database) -> None:
    clearing, fees = await past.account(kind="clearing", type_="asset"), await past.account(kind="fees", type_="income")
    general, expense = await past.account(type_="equity"), await past.account(type_="equity")
    wallets = [await past.wallet() for _ in range(3)]
    dollars, us_wallet = await past.account("USD", "clearing", "asset"), await past.wallet("USD")
    await past.post(START, [Wish(clearing, w, 1000) for w in wallets] + [Wish(dollars, us_wallet, 7, currency="USD")])
    await past.post(
        START + TICK, [Wish(wallets[0], fees, 10), Wish(general, expense, 4), Wish(wallets[1], fees, 2, START)]
    )
    shown = {
        at: [
            (x.currency, x.kind.value, x.accounts, x.debit, x.credit)
            for x in (await _trial_balance(database, at)).lines
        ]
        for at in (START - TICK, START, None)
    }
    dollar_lines = [("USD", "clearing", 1, 7, 0), ("USD", "wallet", None, 0, 7)]
    assert shown[START] == [
        ("EUR", "clearing", 1, 3000, 0),
        ("EUR", "fees", 1, 0, 2),
        ("EUR", "general", 2, 0, 0),
        ("EUR", "wallet", None, 0, 2998),
        *dollar_lines,
    ]
    assert shown[None] == [
        ("EUR", "clearing", 1, 3000, 0),
        ("EUR", "fees", 1, 0, 12),
        ("EUR", "general", 2, 4, 4),
        ("EUR", "wallet", None, 0, 2988),
        *dollar_lines,
    ]
    assert all(debit == credit == 0 for *_, debit, credit in shown[START - TICK])
    held = sum(past.balance(wallet, START + TICK, START + TICK) for wallet in wallets)
    assert held == 2988


def test_cursors_tell_microseconds_apart() -> None:
    assert micros(START + TICK) == micros(START) + 1


@pytest.mark.parametrize("read", ["load_head", "load_chart"])
async def test_a_trial_balance_is_of_one_moment_also_while_accounts_are_opened(
    database: Database, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    bank = Bank(database)
    wallet = await bank.wallet(balance=100)
    original = getattr(history, read)

    async def read_after_a_funding(reads: Reads) -> Any:
        facts = {"transfer_id": new_id(), "account_id": wallet, "amount": 5, "currency": "EUR", "processor": "acme"}
        command = envelope(FundAccount.model_validate(facts | {"idempotency": idempotency()}))
        await bank.post(command, at=START)  # as one that had begun before the question, and ended after it
        return await original(reads)

    monkeypatch.setattr(history, read, read_after_a_funding)
    shown = await queries.get_trial_balance(database, envelope(GetTrialBalance()))
    wallets = next(line for line in shown.lines if line.kind == "wallet")
    assert wallets.credit == (105 if read == "load_head" else 100)
