"""Backtests on a real database, in processes of their own: counted, listed, interrupted, gone on with, canceled."""

from collections.abc import AsyncIterator

import pytest

from apps.risk.domain.backtesting import MOST_TRIES
from apps.risk.queries.rule_sets import get_backtest, list_backtest_flips, list_backtests
from apps.risk.store import backtests as store
from apps.risk.tests.desk import Desk, request
from apps.risk.tests.rule_set_office import ADA, Office, document, envelope, idempotency
from apps.risk.workers.backtests import Backtests
from contracts.ids import new_id
from contracts.risk import Backtest, CancelBacktest, GetBacktest, ListBacktestFlips, ListBacktests
from outbox.database import Database, Reads
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory

_LABEL = """
INSERT INTO label (payment_intent_id, label, source, assessment_id, changed_at)
SELECT payment_intent_id, $2, 'import', assessment_id, now() FROM decision WHERE assessment_id = $1
"""


@pytest.fixture
async def fresh(fresh_database: FreshDatabaseFactory) -> FreshDatabase:
    return await fresh_database("risk")


@pytest.fixture
async def office(fresh: FreshDatabase) -> AsyncIterator[Office]:
    database = Database(fresh.url, 4)
    await database.open()
    office = Office(database)
    await office.install()
    yield office
    await database.close()


async def decided(office: Office, amounts: list[int]) -> list[str]:
    """Decide about payments of these amounts, of as many payers; return their assessments."""
    commands = [request(new_id(), amount) for amount in amounts]
    await Desk(office.database).assess(*commands)
    return [str(command.data.assessment_id) for command in commands]


async def read(office: Office, identifier: str) -> Backtest:
    """Read the backtest."""
    return await get_backtest(office.database, envelope(GetBacktest.model_validate({"id": identifier})))


async def test_a_backtest_counts_and_lists_what_comes_out_otherwise(office: Office, fresh: FreshDatabase) -> None:
    ids = await decided(office, [1_00, 50_00, 60_00, 2_00])
    for identifier, label in zip(ids, ("good", "fraud", "good", "fraud"), strict=True):
        await office.database.pool.execute(_LABEL, identifier, label)
    strict = await office.draft(document())
    started = await office.backtest(strict)
    assert started.resource["status"] == "running"
    assert (await office.backtest(strict)).problem.code == "backtest_running"  # type: ignore[union-attr]
    worker = Backtests(office.database, office.transactions, fresh.url, processes=2, part=2)
    assert await worker.carry_out()
    done = await read(office, started.resource["id"])
    assert (done.status, done.total, done.payments, done.not_judged) == ("completed", 4, 4, 0)
    assert (done.flips, done.flips_kept) == (2, 2)
    assert {(c.before, c.after, c.payments, c.frauds, c.goods) for c in done.outcomes} == {
        ("approve", "approve", 2, 1, 1), ("approve", "decline", 2, 1, 1),
    }  # fmt: skip
    assert (done.quality_before.precision, done.quality_before.recall) == (None, 0.0)
    after = done.quality_after
    assert (after.precision, after.recall, after.false_positive_rate) == (0.5, 0.5, 0.5)
    assert [(r.rule, r.payments, r.frauds, r.goods) for r in done.rules] == [("large", 2, 1, 1)]
    first = await list_backtest_flips(office.database, envelope(ListBacktestFlips(backtest=done.id, limit=1)))
    rest = await list_backtest_flips(
        office.database, envelope(ListBacktestFlips(backtest=done.id, before=first.next_before, limit=1))
    )
    flips = [*first.flips, *rest.flips]
    assert [(str(f.assessment_id), f.after, f.codes, f.label) for f in flips] == [
        (ids[2], "decline", ("large",), "good"), (ids[1], "decline", ("large",), "fraud"),
    ]  # fmt: skip
    assert rest.next_before is None
    assert not await worker.carry_out()


async def test_one_process_works_on_a_backtest_and_another_goes_on_after_it(
    office: Office, fresh: FreshDatabase
) -> None:
    await decided(office, [50_00] * 5)
    started = await office.backtest(await office.draft(document()))
    worker = Backtests(office.database, office.transactions, fresh.url, processes=1, part=2)
    other = await office.database.connect()
    assert await store.try_to_work(Reads(other))
    assert not await worker.carry_out()
    # The other one has recorded a part, and ends.
    async with office.database.reads() as reads:
        running = await store.load_running(reads)
        assert running is not None
        lowest, payments = await store.load_chunk(reads, running.first, running.end, 2)
        assert (lowest is not None, payments) == (True, 2)
    assert lowest is not None
    part = store.Advance(lowest, 2, 0, 2, [], running.tally)
    async with office.transactions.begin() as tx:
        assert await store.advance(tx, running.id, None, part)
    async with office.transactions.begin() as tx:  # what comes late changes nothing
        assert not await store.advance(tx, running.id, None, part)
    await other.close()
    assert await worker.carry_out()
    done = await read(office, started.resource["id"])
    assert (done.status, done.payments, done.flips, done.flips_kept) == ("completed", 5, 5, 3)
    assert [c.payments for c in done.outcomes] == [3]


async def test_a_backtest_is_canceled_and_one_that_never_gets_further_is_given_up(
    office: Office, fresh: FreshDatabase
) -> None:
    worker = Backtests(office.database, office.transactions, fresh.url, processes=1)
    name = await office.draft(document())
    started = await office.backtest(name)
    cancel = CancelBacktest(backtest=started.resource["id"], by=ADA, idempotency=idempotency())
    assert await office.do(cancel) == "completed"
    again = CancelBacktest(backtest=started.resource["id"], by=ADA, idempotency=idempotency())
    assert await office.do(again) == "backtest_ended"
    assert not await worker.carry_out()
    await office.backtest(name)
    await office.database.pool.execute("UPDATE backtest SET tries = $1 WHERE status = 'running'", MOST_TRIES)
    assert await worker.carry_out()
    page = await list_backtests(office.database, envelope(ListBacktests()))
    assert [b.status for b in page.backtests] == ["failed", "canceled"]
    assert page.backtests[0].failure == f"it ended {MOST_TRIES} times without getting further"
