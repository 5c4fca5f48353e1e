"""A processor that the settings do not name any more: what waits for it is not forgotten."""

import pytest

from apps.payments.handlers.sweeps import miss_processors
from apps.payments.tests.processors.operations import due_in, insert_operation, row_of
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.payments import OperationNeedsAttention
from outbox.database import Database

_IN_LEDGER = """
INSERT INTO operation (id, intent_id, subject_id, verb, amount, asked, status, asked_at, next_at)
SELECT $1, intent_id, subject_id, 'post', amount, asked, status, asked_at, next_at FROM operation WHERE id = $2
"""


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


async def test_what_waits_for_a_missing_processor_is_told_once_a_day(room: Room, database: Database) -> None:
    known, gone = await insert_operation(database), await insert_operation(database, processor="gone")
    for _ in range(2):
        async with room.transactions.begin() as tx:
            await miss_processors(tx, known=["sandbox"])
    [told] = await room.said(OperationNeedsAttention)
    assert (told.data.operation_id, told.data.processor) == (gone, "gone")
    row = await row_of(database, gone)
    assert (row["status"], row["settled_at"], row["leased_by"]) == ("attention", None, None)
    assert 86000 < await due_in(database, gone) <= 86400
    assert (await row_of(database, known))["status"] == "pending"


async def test_the_ledger_is_no_missing_processor(room: Room, database: Database) -> None:
    await database.pool.execute(_IN_LEDGER, new_id(), await insert_operation(database))
    async with room.transactions.begin() as tx:
        await miss_processors(tx, known=["sandbox"])
        await miss_processors(tx, known=[])
    [told] = await room.said(OperationNeedsAttention)
    assert told.data.processor == "sandbox"
