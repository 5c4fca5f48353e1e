"""Which days a statement may be of."""

from datetime import UTC, date, datetime

import asyncpg
import pytest
from pydantic import ValidationError

from apps.wallet.tests.bank import Bank
from apps.wallet.tests.statements import start
from contracts.ids import new_id
from contracts.wallet import ExternalLine

TODAY = datetime.now(UTC).date()
_RECONCILIATION = """
INSERT INTO reconciliation (id, account_id, currency, name, starts_on, ends_on, window_days, created_by, created_at,
                            status)
VALUES ($1, $1, 'EUR', 'statement', $2, $3, 3, $1, now(), 'importing')
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
