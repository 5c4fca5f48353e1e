"""What the database matches is what the rules match when they are applied one pair at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.wallet.domain.reconciliation import reference_key
from apps.wallet.handlers.import_statements import import_statements
from apps.wallet.tests.bank import Bank, code
from apps.wallet.tests.matching_model import Entry, Line, Model
from apps.wallet.tests.statements import Moved, day, end, lines_of, match_all, start, unguarded, write_ledger
from contracts.ids import new_id
from contracts.wallet import ExternalLine
from outbox.database import Database
from tests.fresh_databases import FreshDatabase

FIRST, LAST, WINDOW = 4, 10, 3
POOL = [UUID(int=n << 64 | 7 << 76 | 2 << 62) for n in range(1, 4)]
AMOUNTS = st.sampled_from([-100, 100, 200])
SPELLINGS = [
    None,
    "NOTPROVIDED",
    "INV-1",
    "inv 1",
    "foreign-77",
    *(text for key in POOL for text in (str(key), key.hex.upper())),
]
REAL = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass(frozen=True)
class Wish:
    """An entry to write; `late` is how many days after its effective date it is posted."""

    day: int
    amount: int
    late: int
    reference: UUID | None
    journal: UUID | None
    external: str | None
    taken: bool


ENTRIES = st.lists(
    st.builds(
        Wish,
        day=st.integers(0, 14),
        amount=AMOUNTS,
        late=st.sampled_from([0, 0, 0, 1, 12]),
        reference=st.sampled_from([None, *POOL]),
        journal=st.sampled_from([None, None, *POOL]),
        external=st.sampled_from([None, None, None, "Inv/1", "other"]),
        taken=st.sampled_from([False] * 9 + [True]),
    ),
    max_size=25,
)
NAMED = st.sampled_from([*SPELLINGS, None, None])
SHIFTS = st.sampled_from([0, 0, 0, 1, -1, 2, -2, WINDOW, WINDOW + 1, -WINDOW - 1])
# What a line has to do with the entries: nothing; one of them, by its transfer or its own reference or by none; all of
# one reference; or it is one of two that share an
# entry, or are taken for it.
LINES = st.lists(
    st.one_of(
        st.tuples(st.just("free"), st.integers(FIRST, LAST), AMOUNTS, NAMED),
        st.tuples(st.just("like"), st.integers(0, 24), SHIFTS, st.sampled_from(["transfer", "reference", None, None])),
        st.tuples(st.just("sum"), st.sampled_from(POOL), st.integers(FIRST, LAST), st.none()),
        st.tuples(st.just("twice"), st.integers(0, 24), SHIFTS, st.just("transfer")),
        st.tuples(st.just("half"), st.integers(0, 24), SHIFTS, st.none()),
    ),
    max_size=20,
)


def _plain(on: int, reference: UUID | None = None, late: int = 0) -> Wish:
    return Wish(day=on, amount=-100, late=late, reference=reference, journal=None, external=None, taken=False)


@pytest.fixture
async def owner(fresh: FreshDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    async with unguarded(fresh.owner_url) as connection:
        yield connection


@REAL
@given(wishes=ENTRIES, shown=LINES, window=st.integers(0, WINDOW))
@example([_plain(6)], [("twice", 0, 0, "transfer")], 0)  # the first of two lines
@example([_plain(5), _plain(7)], [("like", 0, 1, None)], 1)  # the day before, and not the day after
@example([_plain(6, POOL[0])], [("like", 0, 0, "reference"), ("like", 0, 0, "transfer")], 0)  # by its transfer first
@example([_plain(6, POOL[0], late=12)], [("like", 0, 0, "reference")], 0)  # dated back into the period
@example([_plain(5, POOL[0]), _plain(6, POOL[0])], [("sum", POOL[0], 7, None)], 0)
@example([_plain(5)], [("half", 0, 0, None)], 0)
async def test_the_database_and_the_model_agree(
    owner: Any, bank: Bank, wishes: list[Wish], shown: list[tuple[Any, ...]], window: int
) -> None:
    clearing = new_id()
    moved = [Moved(day(w.day), w.amount, day(w.day + w.late), w.reference, w.journal, w.external) for w in wishes]
    written = await write_ledger(owner, clearing, moved)
    taken = {w for w, wish in zip(moved, wishes, strict=True) if wish.taken}
    for sequence, _, m in written:
        if m in taken:
            await owner.execute("INSERT INTO entry_match VALUES ($1, $2, $3, 1, 'exact')", clearing, sequence, new_id())
    open_entries = [
        (s, t, m) for s, t, m in written if m not in taken and day(FIRST - window) <= m.day <= day(LAST + window)
    ]
    lines = _lines(shown, open_entries)
    identifier = await _reconcile(bank, clearing, lines, window)
    model = Model(
        [Line(x.number, x.booked_on, x.amount, reference_key(x.reference)) for x in lines],
        [Entry(s, m.day, m.amount, (t, m.reference, m.journal, reference_key(m.external))) for s, t, m in open_entries],
    )
    breaks = model.run(window, day(FIRST), day(LAST))
    assert await _matches(bank.database, identifier) == (model.line_matches, model.entry_matches)
    assert await _breaks(bank.database, identifier) == breaks


def _lines(shown: list[tuple[Any, ...]], written: list[tuple[int, UUID, Moved]]) -> list[ExternalLine]:
    facts = [fact for asked in shown for fact in _facts(asked, written)]
    return [
        ExternalLine(number=n, booked_on=min(max(on, day(FIRST)), day(LAST)), amount=amount, reference=reference)
        for n, (on, amount, reference) in enumerate((f for f in facts if f[1]), start=1)
    ]


def _facts(asked: tuple[Any, ...], written: list[tuple[int, UUID, Moved]]) -> list[tuple[date, int, str | None]]:
    kind, which, how, name = asked
    if kind == "free":
        return [(day(which), how, name)]
    if kind == "sum":
        return [(day(how), -sum(m.amount for _, _, m in written if m.reference == which), str(which))]
    if which >= len(written):
        return []
    _, transfer, m = written[which]
    on = m.day + timedelta(days=how)
    if kind == "half":
        return [(on, -m.amount - 1, transfer.hex), (on, 1, str(transfer))]
    names = {"transfer": transfer.hex, "reference": m.reference and str(m.reference), None: None}
    return [(on, -m.amount, names[name])] * (2 if kind == "twice" else 1)


async def _reconcile(bank: Bank, clearing: UUID, lines: list[ExternalLine], window: int) -> UUID:
    command = start(clearing, day(FIRST), day(LAST), window_days=window)
    identifier = command.data.reconciliation_id
    commands: list[Any] = [command, *([lines_of(identifier, lines)] if lines else []), end(identifier, lines)]
    async with bank.transactions.begin() as tx:
        await import_statements(tx, commands)
    assert [code(bank.replies[c.id]) for c in commands] == ["completed"] * len(commands)
    await match_all(bank)
    return identifier


async def _matches(database: Database, identifier: UUID) -> tuple[dict[int, Any], dict[int, Any]]:
    lines = await database.pool.fetch("SELECT * FROM line_match WHERE reconciliation_id = $1", identifier)
    entries = await database.pool.fetch("SELECT * FROM entry_match WHERE reconciliation_id = $1", identifier)
    return (
        {row["number"]: (row["rule"], row["sequence"]) for row in lines},
        {row["sequence"]: (row["rule"], row["number"]) for row in entries},
    )


async def _breaks(database: Database, identifier: UUID) -> list[tuple[int | None, int | None, int]]:
    rows = await database.pool.fetch(
        "SELECT line, sequence, difference FROM reconciliation_break WHERE reconciliation_id = $1 ORDER BY number",
        identifier,
    )
    return [tuple(row) for row in rows]


@given(st.one_of(st.text(max_size=40), st.sampled_from([s for s in SPELLINGS if s]), st.uuids().map(str)))
@REAL
async def test_a_reference_has_one_key_in_the_database_and_outside(database: Database, reference: str) -> None:
    text = reference.replace("\0", "").encode("utf-8", "ignore").decode()
    assert await database.pool.fetchval("SELECT reference_key($1)", text) == reference_key(text)
