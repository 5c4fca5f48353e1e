"""What is taken back, and what is posted together or not at all, on a real database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from apps.wallet.tests.balanced_books import broken_rules
from apps.wallet.tests.bank import Bank, code, funding, journal, leg, reversing, transfer
from contracts.ids import new_id
from contracts.message import Reply
from contracts.wallet import BALANCE_LIMIT, JOURNAL_LIMIT, ExchangeLeg
from tests.fresh_databases import FreshDatabase

_FX = "SELECT currency, balance FROM account WHERE kind = 'fx' ORDER BY currency"


def _exchange(debit: UUID, credit: UUID, *, sold: int = 1000, bought: int = 1085, **facts: object) -> ExchangeLeg:
    asked = {
        "sell_transfer_id": new_id(),
        "buy_transfer_id": new_id(),
        "debit_account": debit,
        "credit_account": credit,
    }
    rest = {"sold": sold, "sold_currency": "EUR", "bought": bought, "bought_currency": "USD", "rate": Decimal("1.0853")}
    return ExchangeLeg.model_validate(asked | rest | facts)


def _codes(replies: list[Reply]) -> list[str]:
    return [code(reply) for reply in replies]


async def _broken(bank: Bank) -> list[str]:
    async with bank.database.lent() as connection:
        return await broken_rules(connection)


async def test_reversals_never_exceed_the_original(bank: Bank) -> None:
    source, target = await bank.wallet(balance=100), await bank.wallet()
    original = transfer(source, target, 50)
    first, whole = reversing(original.data.transfer_id, 20), reversing(original.data.transfer_id)
    more = reversing(original.data.transfer_id, 31)
    replies = await bank.post(original, first, more, whole, reversing(original.data.transfer_id), first)
    assert _codes(replies) == [
        "completed", "completed", "refused exceeds_original", "completed", "refused already_reversed", "completed",
    ]  # fmt: skip
    facts = [(r.resource["amount"], r.resource["reversed_total"]) for r in (replies[1], replies[3], replies[5])]
    assert facts == [(20, 20), (30, 50), (20, 20)]
    assert await bank.balances([source, target]) == [100, 0]
    assert await _broken(bank) == []


async def test_a_reversal_is_reversed(bank: Bank) -> None:
    source, target = await bank.wallet(balance=100), await bank.wallet()
    original = transfer(source, target, 50)
    back = reversing(original.data.transfer_id)
    forth = reversing(back.data.transfer_id, 30)
    assert _codes(await bank.post(original, back, forth, reversing(forth.data.transfer_id, 1))) == ["completed"] * 4
    assert await bank.balances([source, target]) == [71, 29]
    assert await _broken(bank) == []


async def test_what_has_been_spent_cannot_be_taken_back(bank: Bank) -> None:
    source, target = await bank.wallet(balance=100), await bank.wallet()
    original = transfer(source, target, 50)
    replies = await bank.post(original, transfer(target, source, 10), reversing(original.data.transfer_id))
    assert _codes(replies) == ["completed", "completed", "refused insufficient_funds"]


async def test_a_journal_is_posted_in_full_or_not_at_all(bank: Bank) -> None:
    payer, shop, tax = await bank.wallet(balance=100), await bank.wallet(), await bank.wallet()
    good = journal(leg(payer, shop, 80), leg(shop, tax, 15))
    bad = journal(leg(payer, shop, 20), leg(payer, tax, 1))
    replies = await bank.post(good, bad, transfer(payer, tax, 20))
    assert _codes(replies) == ["completed", "refused insufficient_funds", "completed"]
    assert await bank.balances([payer, shop, tax]) == [0, 65, 35]
    refused = [e["data"] for s, e in await bank.said() if s == "wallet.events.journal.refused"]
    assert [(r["journal_id"], r["leg"]) for r in refused] == [(str(bad.data.journal_id), 1)]
    assert await _broken(bank) == []


@pytest.mark.parametrize("rate", ["160", "160.5", "0.000001", "999999"])
async def test_a_rate_is_told_in_full_without_an_exponent(bank: Bank, rate: str) -> None:
    source, target = await bank.wallet(balance=10**12), await bank.wallet(currency="USD")
    sold = 10**12 if Decimal(rate) < 1 else 1000
    exchange = _exchange(source, target, sold=sold, bought=int(sold * Decimal(rate)), rate=Decimal(rate))
    command = journal(exchange)
    told = [*await bank.post(command), *await bank.post(command)]
    assert [reply.resource["exchanges"][0]["rate"] for reply in told] == [rate] * 2


async def test_a_journal_changes_currencies_at_a_rate_that_is_kept(bank: Bank) -> None:
    euros, dollars = await bank.wallet(balance=1000), await bank.wallet(currency="USD")
    wrong = _exchange(euros, dollars, bought=1086)
    replies = await bank.post(journal(wrong), journal(_exchange(euros, dollars)))
    assert _codes(replies) == ["refused rate_mismatch", "completed"]
    [exchanged] = replies[1].resource["exchanges"]
    assert exchanged["rate"] == "1.0853"
    assert await bank.balances([euros, dollars]) == [0, 1085]
    assert [tuple(row) for row in await bank.database.pool.fetch(_FX)] == [("EUR", 1000), ("USD", -1085)]
    assert await _broken(bank) == []


async def test_a_journal_across_currencies_that_fails_late_moves_nothing_and_opens_nothing(bank: Bank) -> None:
    euros, dollars = await bank.wallet(balance=1000), await bank.wallet(currency="USD")
    replies = await bank.post(journal(_exchange(euros, dollars), leg(euros, dollars, 1)))
    assert _codes(replies) == ["refused currency_mismatch"]
    assert await bank.database.pool.fetch(_FX) == []
    assert await bank.balances([euros, dollars]) == [1000, 0]


async def test_a_journal_holds_a_hundred_transfers(bank: Bank) -> None:
    source, target = await bank.wallet(balance=JOURNAL_LIMIT), await bank.wallet()
    dollars = await bank.wallet(currency="USD")
    legs = [leg(source, target, 1) for _ in range(JOURNAL_LIMIT)]
    replies = await bank.post(journal(*legs[1:], _exchange(source, dollars)), journal(*legs))
    assert _codes(replies) == ["refused too_many_transfers", "completed"]
    assert len(replies[1].resource["transfers"]) == JOURNAL_LIMIT
    assert await bank.balances([source, target]) == [0, JOURNAL_LIMIT]


async def test_a_transfer_of_a_journal_has_an_id_of_its_own(bank: Bank) -> None:
    source, target = await bank.wallet(balance=100), await bank.wallet()
    taken = transfer(source, target, 1)
    same = leg(source, target, 1).model_copy(update={"transfer_id": taken.data.transfer_id})
    twice = leg(source, target, 2)
    replies = await bank.post(taken, journal(same), journal(twice, twice), journal(twice), reversing(twice.transfer_id))
    assert _codes(replies) == ["completed", *["refused transfer_id_reused"] * 2, "completed", "completed"]


@pytest.mark.parametrize("backdated", [False, True])
async def test_money_that_came_later_does_not_pay_for_earlier(bank: Bank, backdated: bool) -> None:
    before, now = (datetime.now(UTC) + timedelta(days=days) for days in (1, 2))
    source, target = await bank.wallet(), await bank.wallet()
    late = {"effective_at": before} if backdated else {}
    replies = await bank.post(funding(source, 100), transfer(source, target, 1, **late), at=now)
    assert _codes(replies) == ["completed", "refused insufficient_funds_then" if backdated else "completed"]
    [reply] = await bank.post(transfer(source, target, 1, effective_at=now), at=now + timedelta(seconds=1))
    assert code(reply) == "completed"
    assert await _broken(bank) == []


async def test_what_would_overflow_is_refused_by_name(bank: Bank, fresh: FreshDatabase) -> None:
    source, full = await bank.wallet(balance=100), await bank.wallet()
    owner = await asyncpg.connect(fresh.owner_url)
    await owner.execute("ALTER TABLE account DISABLE TRIGGER USER")
    await owner.execute("UPDATE account SET balance = $1, last_sequence = 1 WHERE id = $2", BALANCE_LIMIT - 9, full)
    await owner.close()
    replies = await bank.post(transfer(source, full, 10), funding(full, 10**12), journal(leg(source, full, 10)))
    assert _codes(replies) == ["refused balance_overflow"] * 3
    assert await bank.balances([source, full]) == [100, BALANCE_LIMIT - 9]
