"""A line that names an entry which an earlier statement missed is its line, however late it comes."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from apps.wallet import queries
from apps.wallet.handlers.import_statements import import_statements
from apps.wallet.tests.bank import Bank, envelope
from apps.wallet.tests.statements import Moved, day, end, lines_of, match_all, start, unguarded, write_ledger
from contracts.ids import new_id
from contracts.wallet import Break, ExternalLine, GetReconciliation, ListBreaks
from tests.fresh_databases import FreshDatabase

CLEARING, INVOICE = new_id(), new_id()
OLD, OTHER, NAMED = (Moved(day(n), -100 - n, day(n), reference=INVOICE if n == 2 else None) for n in range(3))
LATE = day(40)


@pytest.fixture
async def entries(fresh: FreshDatabase) -> AsyncIterator[dict[Moved, UUID]]:
    async with unguarded(fresh.owner_url) as owner:
        yield {m: transfer for _, transfer, m in await write_ledger(owner, CLEARING, [OLD, OTHER, NAMED])}


async def _matched(bank: Bank, on: date, until: date, *shown: tuple[int, UUID | None]) -> tuple[UUID, list[Break]]:
    lines = [
        ExternalLine(number=n, booked_on=on, amount=amount, reference=name and name.hex)
        for n, (amount, name) in enumerate(shown, start=1)
    ]
    command = start(CLEARING, on, until)
    identifier = command.data.reconciliation_id
    commands: list[Any] = [command, *([lines_of(identifier, lines)] if lines else []), end(identifier, lines)]
    async with bank.transactions.begin() as tx:
        await import_statements(tx, commands)
    await match_all(bank)
    return identifier, await _breaks(bank, identifier)


async def _breaks(bank: Bank, identifier: UUID) -> list[Break]:
    return (await queries.list_breaks(bank.database, envelope(ListBreaks(reconciliation_id=identifier)))).breaks


async def test_a_line_finds_the_entry_that_it_names(bank: Bank, entries: dict[Moved, UUID]) -> None:
    first, missing = await _matched(bank, day(0), day(2))
    assert [b.kind for b in missing] == ["entry_without_line"] * 3
    # Two are named, by the transfer and by its reference. The third has the amount of a line, which is not enough.
    second, left = await _matched(bank, LATE, LATE, (100, entries[OLD]), (102, INVOICE), (101, None))
    assert [(b.kind, b.line and b.line.number) for b in left] == [("line_without_entry", 3)]
    assert [b.matched_later_by for b in await _breaks(bank, first)] == [second, None, second]
    shown = await queries.get_reconciliation(bank.database, envelope(GetReconciliation(id=second)))
    assert (shown.entries, {m.rule: m.lines for m in shown.matched if m.lines}) == (2, {"reference": 2})
    # It has its line now, and gets no other.
    _, left = await _matched(bank, day(50), day(50), (100, entries[OLD]))
    assert [b.kind for b in left] == ["line_without_entry"]


async def test_another_amount_under_the_name_of_a_missed_entry_differs(bank: Bank, entries: dict[Moved, UUID]) -> None:
    first, _ = await _matched(bank, day(0), day(2))
    _, left = await _matched(bank, LATE, LATE, (90, entries[OLD]))
    assert [(b.kind, b.difference, b.entry and b.entry.transfer_id) for b in left] == [
        ("amount_differs", -10, entries[OLD])
    ]
    assert (await _breaks(bank, first))[0].matched_later_by is None


async def test_an_entry_that_no_statement_missed_is_not_looked_for(bank: Bank, entries: dict[Moved, UUID]) -> None:
    _, left = await _matched(bank, LATE, LATE, (100, entries[OLD]))
    assert [b.kind for b in left] == ["line_without_entry"]
