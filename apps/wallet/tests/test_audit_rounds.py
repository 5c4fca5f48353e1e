"""The audit that goes round in the service: all of the ledger, a little at a time, and each finding said once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from apps.wallet.audit.books import WALKS
from apps.wallet.audit.rounds import Rounds
from apps.wallet.tests.bank import Bank
from apps.wallet.tests.full_ledger import Scene, fill, new_signer, seal
from tests.fresh_databases import FreshDatabase

AUDITED = "wallet.events.ledger.audited"
_ROUND = "SELECT number, walk, position, completed_at FROM audit_round"


@pytest.fixture
async def scene(bank: Bank) -> Scene:
    scene = await fill(bank)
    await seal(bank, new_signer())
    return scene


@pytest.fixture
async def owner(fresh: FreshDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(fresh.owner_url)
    yield connection
    await connection.close()


async def _go_on(bank: Bank, rounds: Rounds) -> list[dict[str, Any]]:
    """Let the job run once; return what it said."""
    await bank.said()
    async with bank.transactions.begin() as tx:
        await rounds.go_on(tx)
    return [event["data"] for subject, event in await bank.said() if subject == AUDITED]


def _unhurried(rows: int = 2000) -> Rounds:
    return Rounds(share=0.5, rows=rows, every=timedelta(0))


@pytest.mark.usefixtures("scene")
async def test_a_round_that_finds_nothing_says_that_it_is_complete(bank: Bank) -> None:
    rounds = _unhurried()
    [said] = await _go_on(bank, rounds)
    assert (said["round"], said["findings"], said["open_findings"]) == (1, [], 0)
    assert said["completed_at"]
    [again] = await _go_on(bank, rounds)
    assert again["round"] == 2


@pytest.mark.usefixtures("scene")
async def test_it_goes_on_where_it_was_also_in_another_process(bank: Bank) -> None:
    seen, said = set(), []
    for _ in range(200):
        said = await _go_on(bank, Rounds(share=1e-9, rows=1, every=timedelta(0)))
        row = await bank.database.pool.fetchrow(_ROUND)
        assert row is not None
        seen.add(row["walk"])
        if said:
            break
    assert {walk.name for walk in WALKS[1:]} <= seen
    assert (said[0]["round"], said[0]["open_findings"]) == (1, 0)


async def test_a_finding_is_said_once_and_forgotten_when_it_is_gone(
    bank: Bank, scene: Scene, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    rounds = _unhurried()
    await owner.execute("ALTER TABLE account DISABLE TRIGGER USER")
    await owner.execute("UPDATE account SET owner = wallet WHERE id = $1", scene.source)
    [said] = await _go_on(bank, rounds)
    assert [f["place"] for f in said["findings"]] == [f"account {scene.source} (seal 1)", "seal 1"]
    [again] = await _go_on(bank, rounds)
    assert (again["findings"], again["open_findings"]) == ([], 2)
    await owner.execute("UPDATE account SET owner = $2 WHERE id = $1", scene.source, scene.ann)
    [restored] = await _go_on(bank, rounds)
    assert (restored["findings"], restored["open_findings"]) == ([], 0)


async def test_a_finding_is_said_at_once_not_at_the_end_of_the_round(
    bank: Bank, scene: Scene, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await owner.execute("UPDATE transfer SET amount = amount + 1 WHERE id = $1", scene.payment)
    said: list[dict[str, Any]] = []
    while not said:
        said = await _go_on(bank, Rounds(share=1e-9, rows=3, every=timedelta(0)))
    assert "completed_at" not in said[0]
    assert str(scene.payment) in said[0]["findings"][0]["place"]


@pytest.mark.usefixtures("scene")
async def test_only_one_replica_goes_on_at_a_time(bank: Bank) -> None:
    async with bank.transactions.begin() as tx:
        await _unhurried().go_on(tx)
        assert await _go_on(bank, _unhurried()) == []
    assert await bank.database.pool.fetchval("SELECT number FROM audit_round") == 2


@pytest.mark.usefixtures("scene")
async def test_rounds_are_not_started_more_often_than_need_be(bank: Bank) -> None:
    rounds = Rounds(share=0.5)
    assert len(await _go_on(bank, rounds)) == 1
    assert await _go_on(bank, rounds) == []


@pytest.mark.usefixtures("scene")
async def test_no_share_is_no_audit(bank: Bank) -> None:
    assert await _go_on(bank, Rounds(share=0)) == []
    assert await bank.database.pool.fetchval("SELECT walk FROM audit_round") is None


@pytest.mark.usefixtures("scene")
async def test_a_slice_that_takes_too_long_ends_no_service(
    bank: Bank, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    rounds = _unhurried(rows=64)
    async with bank.transactions.begin() as tx:
        await tx.execute("SET LOCAL statement_timeout = '100ms'")
        async with owner.transaction():
            await owner.execute("LOCK TABLE transfer")
            await rounds.go_on(tx)
    assert rounds.rows == 16
    assert len(await _go_on(bank, rounds)) == 1
