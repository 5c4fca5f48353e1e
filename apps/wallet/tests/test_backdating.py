"""Backdated operations among others: how far back one asks is nothing to its neighbours in the batch."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from apps.wallet.handlers.operations import LedgerCommand
from apps.wallet.store import timelines
from apps.wallet.tests.bank import (
    Bank,
    capturing,
    code,
    funding,
    journal,
    leg,
    placing,
    reversing,
    transfer,
)
from contracts.message import Envelope

DAY = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
HOURS = [DAY + hour * HOUR for hour in range(8)]


@pytest.fixture(autouse=True)
def _few_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two later entries be looked through, and no more."""
    monkeypatch.setattr(timelines, "LATER_ENTRIES_LIMIT", 2)


async def _busy_wallets(bank: Bank) -> tuple[UUID, UUID]:
    """Return two wallets with 100 each that have an entry in each hour from 1 to 6."""
    busy, other = await bank.wallet(), await bank.wallet()
    await bank.post(funding(busy, 100), funding(other, 100), at=HOURS[0])
    for number, hour in enumerate(HOURS[1:7]):
        pair = (busy, other) if number % 2 else (other, busy)
        await bank.post(transfer(*pair, 1), at=hour)
    return busy, other


async def test_a_transfer_may_be_dated_back_before_as_many_entries_as_are_looked_through(bank: Bank) -> None:
    busy, other = await _busy_wallets(bank)
    [far] = await bank.post(transfer(busy, other, 1, effective_at=HOURS[4]), at=HOURS[7])
    [near] = await bank.post(transfer(busy, other, 1, effective_at=HOURS[4] + TICK), at=HOURS[7])
    assert [code(far), code(near)] == ["refused too_many_later_entries", "completed"]


@pytest.mark.parametrize(
    ("neighbour", "refusal"),
    [
        (HOURS[1], "too_many_later_entries"),
        (datetime(1960, 1, 1, tzinfo=UTC), "effective_too_early"),
        (datetime(1, 1, 1, tzinfo=timezone(14 * HOUR)), "effective_too_early"),
    ],
)
async def test_a_neighbour_that_is_dated_further_back_refuses_nothing(
    bank: Bank, neighbour: datetime, refusal: str
) -> None:
    busy, other = await _busy_wallets(bank)
    asked = [
        transfer(busy, other, 1, effective_at=HOURS[5]),
        transfer(other, busy, 1, effective_at=neighbour),
        transfer(busy, other, 1, effective_at=HOURS[5] + TICK),
    ]
    replies = await bank.post(*asked, at=HOURS[7])
    assert [code(reply) for reply in replies] == ["completed", f"refused {refusal}", "completed"]


async def test_what_a_batch_itself_has_made_can_be_dated_back(bank: Bank) -> None:
    busy, other = await _busy_wallets(bank)
    placed, paid = placing(busy, other, 5, HOURS[7] + HOUR), transfer(busy, other, 5, effective_at=HOURS[5])
    taken = capturing(placed.data.hold_id, 5, effective_at=HOURS[6])
    asked: list[Envelope[LedgerCommand]] = [
        placed,
        paid,
        taken,
        reversing(paid.data.transfer_id, effective_at=HOURS[5] + TICK),
        reversing(taken.data.transfer_id, effective_at=HOURS[4]),
        journal(leg(busy, other, 1), leg(other, busy, 1), effective_at=HOURS[6] + TICK),
    ]
    replies = await bank.post(*asked, at=HOURS[7])
    assert [code(reply) for reply in replies] == [*["completed"] * 4, "refused too_many_later_entries", "completed"]
