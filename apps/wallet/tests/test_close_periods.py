"""Closing periods: each after the last, none in the future; and nothing becomes effective in one any more."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.wallet import queries
from apps.wallet.domain.periods import ClosedPeriod, ClosingRefusal, ClosingRequest, decide
from apps.wallet.handlers.close_periods import close_periods
from apps.wallet.handlers.ledger_operations import carry_out, read_wishes
from apps.wallet.tests.bank import Bank, code, envelope, idempotency
from apps.wallet.tests.past import Past, Wish
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Reply
from contracts.wallet import ClosePeriod, GetStatement, ListPeriods, PostTransfer
from outbox.database import Database

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TICK, HOUR = timedelta(microseconds=1), timedelta(hours=1)
OPERATOR = new_id()


def closing(ends_at: datetime, period: UUID | None = None, key: Idempotency | None = None) -> Envelope[ClosePeriod]:
    return envelope(
        ClosePeriod(period_id=period or new_id(), ends_at=ends_at, closed_by=OPERATOR, idempotency=key or idempotency())
    )


async def close(bank: Bank, *commands: Envelope[ClosePeriod]) -> list[Reply]:
    async with bank.transactions.begin() as tx:
        await close_periods(tx, commands)
    return [bank.replies[c.id] for c in commands]


def transfer(debit: UUID, credit: UUID, effective_at: datetime | None = None) -> Envelope[PostTransfer]:
    transfer_id = new_id()
    return envelope(
        PostTransfer(
            transfer_id=transfer_id,
            debit_account=debit,
            credit_account=credit,
            amount=1,
            currency="EUR",
            effective_at=effective_at,
            idempotency=idempotency(),
        )
    )


LAST = NOW - HOUR
KNOWN = ClosedPeriod(new_id(), None, LAST, LAST, OPERATOR)
RULES: list[tuple[str, UUID, datetime, str]] = [
    ("now", new_id(), NOW, "closed"),
    ("just after the last", new_id(), LAST + TICK, "closed"),
    ("again", KNOWN.id, LAST, "closed"),
    ("again, otherwise", KNOWN.id, NOW, "period_id_reused"),
    ("again, otherwise, in the future", KNOWN.id, NOW + TICK, "period_id_reused"),
    ("in the future", new_id(), NOW + TICK, "period_in_future"),
    ("before time", new_id(), datetime(1970, 1, 1, tzinfo=UTC), "period_too_early"),
    ("where the last ended", new_id(), LAST, "period_not_after_last"),
    ("inside the last", new_id(), LAST - TICK, "period_not_after_last"),
]


@pytest.mark.parametrize(("period", "ends_at", "outcome"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_which_periods_can_be_closed(period: UUID, ends_at: datetime, outcome: str) -> None:
    request = ClosingRequest(period, ends_at, OPERATOR)
    (found,) = decide({KNOWN.id: KNOWN}, LAST, [request], NOW).outcomes
    assert (found.value if isinstance(found, ClosingRefusal) else "closed") == outcome


def test_every_refusal_is_tested_and_explained() -> None:
    assert {r[3] for r in RULES} == {"closed", *(refusal.value for refusal in ClosingRefusal)}
    assert all(refusal.detail for refusal in ClosingRefusal)


async def test_closing_answers_and_says_the_period(bank: Bank, database: Database) -> None:
    first, second = closing(NOW - 2 * HOUR), closing(NOW - HOUR)
    replies = await close(bank, first, second)
    shown = [reply.resource for reply in replies]
    assert [code(reply) for reply in replies] == ["completed"] * 2
    assert [(s.get("starts_at"), s["ends_at"], s["closed_by"]) for s in shown] == [
        (None, "2026-04-30T22:00:00Z", str(OPERATOR)),
        ("2026-04-30T22:00:00Z", "2026-04-30T23:00:00Z", str(OPERATOR)),
    ]
    said = await bank.said()
    assert [(subject, e["data"]["period"]["id"]) for subject, e in said] == [
        ("wallet.events.period.closed", str(c.data.period_id)) for c in (first, second)
    ]
    listed = await queries.list_periods(database, envelope(ListPeriods()))
    assert [p.id for p in listed.periods] == [second.data.period_id, first.data.period_id]
    asked = {
        ListPeriods(before=NOW - HOUR): [first.data.period_id],
        ListPeriods(before=datetime.fromisoformat("0001-01-01T00:00:00+14:00")): [],
        ListPeriods(before=datetime.fromisoformat("9999-12-31T23:59:59-12:00")): [p.id for p in listed.periods],
        ListPeriods(id=first.data.period_id): [first.data.period_id],
        ListPeriods(id=new_id()): [],
    }
    for query, found in asked.items():
        assert [p.id for p in (await queries.list_periods(database, envelope(query))).periods] == found


async def test_closing_twice_closes_once(bank: Bank) -> None:
    first = closing(NOW)
    again = closing(NOW, first.data.period_id, first.data.idempotency)
    otherwise = closing(NOW, first.data.period_id)
    replies = [*await close(bank, first, otherwise), *await close(bank, again)]
    assert replies[0] == replies[1] == replies[2]
    assert len(await bank.said()) == 1


async def test_a_refused_closing_changes_nothing(bank: Bank) -> None:
    future = closing(datetime.now(UTC) + HOUR)
    (reply,) = await close(bank, future)
    assert code(reply) == "refused period_in_future"
    assert reply.problem is not None
    assert reply.problem.parameter == "ends_at"
    assert await bank.said() == []
    assert [code(r) for r in await close(bank, closing(NOW), closing(NOW - HOUR), closing(NOW + HOUR))] == [
        "completed",
        "refused period_not_after_last",
        "completed",
    ]


async def test_nothing_becomes_effective_in_a_closed_period(bank: Bank) -> None:
    one, other = await bank.wallet(balance=100), await bank.wallet(balance=100)
    ends_at = datetime.now(UTC)
    assert [code(r) for r in await close(bank, closing(ends_at))] == ["completed"]
    wishes = [transfer(one, other, moment) for moment in (ends_at - HOUR, ends_at - TICK, ends_at, None)]
    assert [code(r) for r in await bank.post(*wishes)] == [
        "refused period_closed",
        "refused period_closed",
        "completed",
        "completed",
    ]


async def test_a_clock_that_goes_back_posts_nothing_into_a_closed_period(bank: Bank) -> None:
    one, other = await bank.wallet(balance=100), await bank.wallet()
    ends_at = datetime.now(UTC)
    await close(bank, closing(ends_at))
    late = transfer(one, other)
    async with bank.transactions.begin() as tx:
        tx.now = ends_at - HOUR
        await carry_out(tx, await read_wishes([late]))
    assert bank.replies[late.id].resource["effective_at"] == ends_at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("posted_at", [NOW - HOUR, NOW - TICK, NOW])
async def test_the_database_refuses_it_too(bank: Bank, database: Database, posted_at: datetime) -> None:
    past = Past(database)
    one, other = await past.account(), await past.account()
    await past.post(NOW - 2 * HOUR, [Wish(one, other, 1)])
    await close(bank, closing(NOW))
    with pytest.raises(asyncpg.CheckViolationError) if posted_at < NOW else nullcontext():
        await past.post(posted_at, [Wish(one, other, 1)])
    with pytest.raises(asyncpg.CheckViolationError):
        await past.post(NOW + HOUR, [Wish(one, other, 1, NOW - TICK)])


_CLOSE = """
WITH p AS (INSERT INTO period (id, starts_at, ends_at, closed_at, closed_by) VALUES ($1, $2, $3, $4, $1))
UPDATE ledger SET closed_until = $3
"""
RAW: list[tuple[str, Callable[[datetime], tuple[object, ...]]]] = [
    ("UPDATE ledger SET closed_until = $1", lambda t: (t,)),
    ("UPDATE ledger SET closed_until = NULL", lambda _: ()),
    ("INSERT INTO period (id, ends_at, closed_at, closed_by) VALUES ($1, $2, $2, $1)", lambda t: (new_id(), t)),
    (_CLOSE, lambda t: (new_id(), t - TICK, t, t)),
    (_CLOSE, lambda t: (new_id(), NOW, t, t - TICK)),
]


@pytest.mark.parametrize(("statement", "values"), RAW)
async def test_no_raw_write_opens_skips_or_overlaps(
    bank: Bank, database: Database, statement: str, values: Callable[[datetime], tuple[object, ...]]
) -> None:
    await close(bank, closing(NOW))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await database.pool.execute(statement, *values(NOW + HOUR))


async def _statement(database: Database, account: UUID, ends_at: datetime) -> str:
    query = GetStatement(account_id=account, starts_at=ends_at - HOUR, ends_at=ends_at, limit=2)
    return (await queries.get_statement(database, envelope(query))).model_dump_json()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2_000_000), min_size=1, max_size=6), st.integers(0, 1_000_000))
async def test_after_closing_the_statement_stays_as_it_is(bank: Bank, backs: list[int], before_now: int) -> None:
    """Whatever is tried: dating back by up to two seconds around the end of a period that ends up to a second ago."""
    past = Past(bank.database)
    one, other = await past.account(), await past.account()
    open_since = await _open_since(bank)
    dates = [max(datetime.now(UTC) - timedelta(microseconds=back), open_since) for back in backs]
    assert {code(r) for r in await bank.post(*(transfer(one, other, date) for date in dates))} == {"completed"}
    ends_at = max(datetime.now(UTC) - timedelta(microseconds=before_now), open_since + TICK)
    assert [code(r) for r in await close(bank, closing(ends_at))] == ["completed"]
    closed = await _statement(bank.database, one, ends_at)
    assert '"closed":true' in closed
    dates = [ends_at + TICK - timedelta(microseconds=back) for back in backs]
    replies = await bank.post(*(transfer(one, other, date) for date in dates), transfer(one, other))
    assert [code(r) == "refused period_closed" for r in replies] == [*(date < ends_at for date in dates), False]
    assert await _statement(bank.database, one, ends_at) == closed


async def _open_since(bank: Bank) -> datetime:
    closed_until: datetime | None = await bank.database.pool.fetchval("SELECT closed_until FROM ledger")
    return closed_until or NOW
