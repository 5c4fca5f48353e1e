"""Which days a statement may be of: those of a calendar that a ledger needs, and those of no other statement."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from apps.wallet.handlers.import_statements import import_statements
from apps.wallet.store import matching
from apps.wallet.tests.bank import Bank, code
from apps.wallet.tests.statements import day, end, match_all, start
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.wallet import ExternalLine, StartReconciliation

TODAY = datetime.now(UTC).date()
_ACCOUNT = """
INSERT INTO account (id, kind, currency, processor, type, created_at)
VALUES ($1, 'clearing', 'EUR', $2, 'asset', now())
"""
_RECONCILIATION = """
INSERT INTO reconciliation (id, account_id, currency, name, starts_on, ends_on, window_days, created_by, created_at,
                            status, may_overlap)
VALUES ($1, $1, 'EUR', 'statement', $2, $3, 3, $1, now(), 'importing', false)
"""
_LINE = "INSERT INTO statement_line (reconciliation_id, number, booked_on, amount) VALUES ($1, 1, $2, 1)"


@pytest.mark.parametrize(
    "period", [(date.min, TODAY), (date(1969, 12, 31), TODAY), (TODAY, date(2101, 1, 1)), (TODAY, date.max)]
)
async def test_a_statement_of_days_beyond_all_ledgers_is_no_message_and_no_row(
    bank: Bank, period: tuple[date, date]
) -> None:
    with pytest.raises(ValidationError, match=r"(starts|ends)_on"):
        start(new_id(), *period)
    with pytest.raises(asyncpg.CheckViolationError, match="reconciliation_days"):
        await bank.database.pool.execute(_RECONCILIATION, new_id(), *period)


@pytest.mark.parametrize("day", [date.min, date(1969, 12, 31), date(2101, 1, 1), date.max])
async def test_a_line_of_a_day_beyond_all_ledgers_is_no_message_and_no_row(bank: Bank, day: date) -> None:
    with pytest.raises(ValidationError, match="booked_on"):
        ExternalLine(number=1, booked_on=day, amount=1)
    with pytest.raises(asyncpg.CheckViolationError, match="statement_line_day"):
        await bank.database.pool.execute(_LINE, new_id(), day)


async def _clearing(bank: Bank, processor: str | None = None) -> UUID:
    clearing = new_id()
    await bank.database.pool.execute(_ACCOUNT, clearing, processor)
    return clearing


async def _do(bank: Bank, *commands: Envelope[Any]) -> list[str]:
    async with bank.transactions.begin() as tx:
        await import_statements(tx, commands)
    return [code(bank.replies[c.id]) for c in commands]


async def _import(bank: Bank, *commands: Envelope[StartReconciliation]) -> list[str]:
    """Import statements without lines side by side; return the answers to their ends."""
    assert await _do(bank, *commands) == ["completed"] * len(commands)
    return [(await _do(bank, end(c.data.reconciliation_id, [])))[0] for c in commands]


def _days(account: UUID, first: int, last: int, **more: object) -> Envelope[StartReconciliation]:
    return start(account, day(first), day(last), **more)


async def test_a_day_is_in_one_statement_of_an_account(bank: Bank) -> None:
    """The same lines, uploaded again under another key, would be booked again."""
    clearing, other = await _clearing(bank), await _clearing(bank, "acquirer")
    assert await _import(bank, _days(clearing, 5, 9)) == ["completed"]
    for _ in ("matching", "closed"):
        for first, last in ((5, 9), (0, 5), (9, 12), (6, 7), (0, 12)):
            assert await _do(bank, _days(clearing, first, last)) == ["refused statement_overlaps"]
        await match_all(bank)
    beside = [
        _days(clearing, 0, 4),
        _days(clearing, 10, 12),
        _days(other, 5, 9),
        _days(clearing, 5, 9, may_overlap=True),
    ]
    assert await _import(bank, *beside) == ["completed"] * 4


async def test_of_two_statements_of_a_day_that_come_at_once_one_is_matched(bank: Bank) -> None:
    clearing = await _clearing(bank)
    commands = [_days(clearing, 5, 9) for _ in range(4)]
    await _do(bank, *commands)
    ends = [end(c.data.reconciliation_id, []) for c in commands]
    answers = [answer for (answer,) in await asyncio.gather(*(_do(bank, e) for e in ends))]
    assert sorted(answers) == ["completed"] + ["refused statement_overlaps"] * 3
    # Said again, it is the same.
    assert [(await _do(bank, e))[0] for e in ends] == answers


async def test_what_is_not_held_against_the_books_is_in_nobodys_way(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    clearing = await _clearing(bank)
    unfinished, failing, good = (_days(clearing, 5, 9) for _ in range(3))
    assert await _do(bank, unfinished) == ["completed"]
    with monkeypatch.context() as broken:
        broken.setattr(matching, "gather", None)
        assert await _import(bank, failing) == ["completed"]
        await match_all(bank)
    assert await _import(bank, good) == ["completed"]
    for command in (unfinished, failing):
        assert await _do(bank, end(command.data.reconciliation_id, [])) == ["refused statement_overlaps"]
