"""Holds on a real database: captures that race, the very instant of expiry, and what is said of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from apps.wallet.audit import audit
from apps.wallet.handlers import ledger_operations
from apps.wallet.queries import accounts
from apps.wallet.tests.balanced_books import broken_rules
from apps.wallet.tests.bank import (
    Bank,
    capturing,
    code,
    envelope,
    extending,
    journal,
    leg,
    payment,
    placing,
    reversing,
    transfer,
    voiding,
)
from contracts.ids import new_id
from contracts.message import Envelope, Reply
from contracts.wallet import CaptureHold, GetAccounts
from outbox.database import Database

# Later than what the bank does at the real time, so that a batch is at exactly this time.
NOW = datetime.now(UTC) + timedelta(days=1)
SOON, LATER, TICK = NOW + timedelta(hours=1), NOW + timedelta(hours=2), timedelta(microseconds=1)
PLACED, CAPTURED, VOIDED, EXTENDED, EXPIRED, REFUSED = (
    f"wallet.events.hold.{name}" for name in ("placed", "captured", "voided", "extended", "expired", "refused")
)


async def _hold(bank: Bank, amount: int, *, balance: int = 1000, **facts: object) -> tuple[UUID, UUID, UUID]:
    """Return a wallet with a hold on it, the wallet that the hold is for, and the hold."""
    source, target = await bank.wallet(balance=balance), await bank.wallet()
    command = placing(source, target, amount, SOON, **facts)
    assert [code(reply) for reply in await bank.post(command, at=NOW)] == ["completed"]
    await bank.said()
    return source, target, command.data.hold_id


async def _capture_all(database: Database, captures: Sequence[Envelope[CaptureHold]], batch: int) -> list[Reply]:
    bank = Bank(database)
    parts = [captures[start : start + batch] for start in range(0, len(captures), batch)]
    return [reply for part in parts for reply in await bank.post(*part)]


async def test_a_thousand_racing_captures_never_overspend(bank: Bank, database: Database) -> None:
    source, target = await bank.wallet(balance=1000), await bank.wallet()
    later = datetime.now(UTC) + timedelta(hours=1)
    command = placing(source, target, 700, later)
    await bank.post(command)
    captures = [capturing(command.data.hold_id, 7) for _ in range(1000)]
    batches = {1: captures[:100], 3: captures[100:250], 32: captures[250:600], 128: captures[600:]}
    async with asyncio.timeout(60):
        replies = await asyncio.gather(*(_capture_all(database, those, batch) for batch, those in batches.items()))
    outcomes = Counter(code(reply) for those in replies for reply in those)
    assert outcomes == {"completed": 100, "refused hold_not_pending": 900}
    assert await bank.balances([source, target]) == [300, 700]
    async with database.lent() as connection:
        assert await broken_rules(connection) == []


async def test_captures_of_racing_writers_that_do_not_divide_the_hold_leave_the_rest(
    bank: Bank, database: Database
) -> None:
    source, target = await bank.wallet(balance=1000), await bank.wallet()
    command = placing(source, target, 100, datetime.now(UTC) + timedelta(hours=1))
    await bank.post(command)
    captures = [capturing(command.data.hold_id, 7) for _ in range(40)]
    async with asyncio.timeout(20):
        replies = await asyncio.gather(*(_capture_all(database, captures[n::4], 1 + n) for n in range(4)))
    outcomes = Counter(code(reply) for those in replies for reply in those)
    assert outcomes == {"completed": 14, "refused exceeds_hold": 26}
    [reply] = await bank.post(capturing(command.data.hold_id))
    assert (reply.resource["transfer"]["amount"], reply.resource["hold"]["status"]) == (2, "captured")
    assert await bank.balance(target) == 100


async def test_a_hold_is_captured_in_parts_and_the_rest_given_back(bank: Bank) -> None:
    source, target, hold = await _hold(bank, 100)
    first, rest = capturing(hold, 30), capturing(hold, 20, release_rest=True)
    replies = await bank.post(first, rest, capturing(hold, 1), at=NOW)
    assert [code(reply) for reply in replies] == ["completed", "completed", "refused hold_not_pending"]
    facts = [(r.resource["hold"]["captured"], r.resource["hold"]["remaining"]) for r in replies[:2]]
    assert facts == [(30, 70), (50, 0)]
    assert await bank.balances([source, target]) == [950, 50]
    said = await bank.said()
    assert [s for s, _ in said if "hold" in s] == [CAPTURED, CAPTURED, REFUSED]
    assert [e["data"]["hold"]["status"] for s, e in said if s == CAPTURED] == ["pending", "captured"]
    assert await bank.post(first, at=NOW) != []
    assert await bank.balance(target) == 50


async def test_what_is_held_cannot_be_spent_until_it_is_given_back(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=100), await bank.wallet()
    command = placing(source, target, 60, SOON)
    spend = [payment(ann, source, target, 41, replyto="gateway.replies.test") for _ in range(2)]
    replies = await bank.post(command, spend[0], voiding(command.data.hold_id), spend[1], at=NOW)
    assert [code(r) for r in replies] == ["completed", "refused insufficient_funds", "completed", "completed"]
    assert [s for s, _ in await bank.said() if "hold" in s] == [PLACED, VOIDED]


@pytest.mark.parametrize(("at", "outcome"), [(SOON - TICK, "refused insufficient_funds"), (SOON, "completed")])
async def test_available_is_right_at_the_very_instant_of_expiry_without_a_sweeper(
    bank: Bank, at: datetime, outcome: str
) -> None:
    source, target, _ = await _hold(bank, 60, balance=100)
    [reply] = await bank.post(transfer(source, target, 41), at=at)
    assert code(reply) == outcome
    [reply] = await bank.post(placing(source, target, 41 if outcome == "completed" else 40, LATER), at=LATER - TICK)
    assert code(reply) == "completed"


@pytest.mark.parametrize(("at", "outcome"), [(SOON - TICK, "completed"), (SOON, "refused hold_expired")])
async def test_a_hold_can_be_captured_until_the_instant_of_expiry(bank: Bank, at: datetime, outcome: str) -> None:
    _, target, hold = await _hold(bank, 60)
    [reply] = await bank.post(capturing(hold), at=at)
    assert code(reply) == outcome
    assert await bank.balance(target) == (60 if outcome == "completed" else 0)


async def test_reads_leave_out_what_is_over(bank: Bank) -> None:
    source, target = await bank.wallet(balance=100), await bank.wallet()
    expires_at = datetime.now(UTC) + timedelta(seconds=1)
    await bank.post(placing(source, target, 60, expires_at))
    asked = envelope(GetAccounts(ids=[source]))
    [before] = (await accounts.get_accounts(bank.database, asked)).accounts
    await asyncio.sleep((expires_at - datetime.now(UTC)).total_seconds())
    [after] = (await accounts.get_accounts(bank.database, asked)).accounts
    assert [(a.balance, a.held, a.available) for a in (before, after)] == [(100, 60, 40), (100, 0, 100)]


async def test_expiry_is_said_once_whoever_comes_first(bank: Bank, database: Database) -> None:
    source, target, hold = await _hold(bank, 60, balance=100)
    await bank.sweep(SOON - TICK)
    assert await bank.said() == []
    ways = [
        bank.post(transfer(source, target, 1), at=SOON),
        bank.post(capturing(hold), at=SOON),
        *(Bank(database).sweep(SOON) for _ in range(4)),
    ]
    async with asyncio.timeout(20):
        await asyncio.gather(*ways)
    await bank.sweep(LATER)
    said = [e["data"]["hold"] for s, e in await bank.said() if s == EXPIRED]
    assert [(h["id"], h["remaining"], h["status"]) for h in said] == [(str(hold), 0, "expired")]


@pytest.mark.parametrize("swept", [True, False])
async def test_expiry_is_said_by_the_sweeper_or_by_the_next_who_touches_the_account(bank: Bank, swept: bool) -> None:
    source, target, hold = await _hold(bank, 60)
    if swept:
        await bank.sweep(LATER)
    else:
        await bank.post(transfer(target, source, 1), at=LATER)
    [(subject, event)] = [(s, e) for s, e in await bank.said() if "hold" in s]
    assert (subject, event["data"]["hold"]["id"]) == (EXPIRED, str(hold))
    assert event["data"]["hold"]["expires_at"] == SOON.isoformat().replace("+00:00", "Z")


async def test_a_sweep_ends_many_holds_on_many_accounts(bank: Bank) -> None:
    sources, target = [await bank.wallet(balance=100) for _ in range(5)], await bank.wallet()
    await bank.post(*(placing(s, target, 7, NOW + n * TICK) for s in sources for n in range(1, 11)), at=NOW)
    await bank.sweep(NOW + 5 * TICK)
    assert [s for s, _ in await bank.said()].count(EXPIRED) == 25
    await bank.sweep(LATER)
    assert [s for s, _ in await bank.said()].count(EXPIRED) == 25
    assert await bank.database.pool.fetchval("SELECT sum(held)::bigint FROM account") == 0


async def test_a_sweep_ends_no_more_than_it_can_in_time(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are due: a sweep that never ended would stop the service, again and again."""
    monkeypatch.setattr(ledger_operations, "EXPIRY_LIMIT", 4)
    source, target = await bank.wallet(balance=100), await bank.wallet()
    await bank.post(*(placing(source, target, 7, NOW + n * TICK) for n in range(10, 0, -1)), at=NOW)
    await bank.said()
    expired = []
    for _ in range(4):
        await bank.sweep(LATER)
        ends = [datetime.fromisoformat(e["data"]["hold"]["expires_at"]) for s, e in await bank.said() if s == EXPIRED]
        expired.append([(end - NOW) // TICK for end in ends])
    assert expired == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]
    assert await bank.database.pool.fetchval("SELECT held FROM account WHERE id = $1", source) == 0


async def test_an_extended_hold_lasts_longer(bank: Bank) -> None:
    _, target, hold = await _hold(bank, 60)
    replies = await bank.post(extending(hold, SOON), extending(hold, LATER), at=SOON - TICK)
    assert [code(reply) for reply in replies] == ["refused expiry_not_later", "completed"]
    await bank.sweep(SOON)
    [reply] = await bank.post(capturing(hold, 10), at=LATER - TICK)
    assert (code(reply), await bank.balance(target)) == ("completed", 10)
    [reply] = await bank.post(extending(hold, LATER + TICK), at=LATER)
    assert code(reply) == "refused hold_expired"
    assert [s for s, _ in await bank.said() if "hold" in s] == [REFUSED, EXTENDED, CAPTURED, EXPIRED, REFUSED]


async def test_replicas_whose_clocks_differ_agree_on_the_order(bank: Bank, database: Database) -> None:
    """The ledger's time never goes back: a batch at an earlier time counts as after what has been posted."""
    source, target, hold = await _hold(bank, 60)
    behind = NOW - timedelta(seconds=1)
    replies = await bank.post(voiding(hold), at=behind)
    replies += await bank.post(transfer(source, target, 1), at=NOW + TICK)
    replies += await bank.post(transfer(source, target, 1), at=behind)
    assert [code(reply) for reply in replies] == ["completed"] * 3
    earlier, later = (datetime.fromisoformat(reply.resource["posted_at"]) for reply in replies[1:])
    assert earlier < later
    async with database.lent() as connection:
        assert await broken_rules(connection) == []
        assert (await audit(connection)).findings == ()


async def test_the_same_id_has_one_effect_and_another_body_is_refused(bank: Bank) -> None:
    source, target, hold = await _hold(bank, 100)
    first, void = capturing(hold, 30), voiding(hold)
    other_capture = capturing(hold, 31, transfer_id=first.data.transfer_id)
    other_step = extending(hold, LATER, operation_id=void.data.operation_id)
    placed_again = placing(source, target, 99, SOON, hold_id=hold)
    replies = await bank.post(first, first, other_capture, placed_again, void, void, other_step, at=NOW)
    assert [code(reply) for reply in replies] == [
        "completed", "completed", "refused transfer_id_reused", "refused hold_id_reused", "completed", "completed",
        "refused operation_id_reused",
    ]  # fmt: skip
    assert await bank.balances([source, target]) == [970, 30]
    [again, *_] = await bank.post(first, void, at=NOW)
    assert again.resource["transfer"] == replies[0].resource["transfer"]
    assert await bank.database.pool.fetchval("SELECT count(*) FROM hold_step") == 3


async def test_a_batch_of_everything_leaves_books_that_balance(bank: Bank, database: Database) -> None:
    a, b, c = [await bank.wallet(balance=300) for _ in range(3)]
    hold, other = placing(a, b, 100, SOON), placing(b, c, 50, SOON)
    moved = transfer(a, b, 20)
    await bank.post(
        hold, capturing(hold.data.hold_id, 40), other, moved, journal(leg(b, c, 10), leg(c, a, 5)),
        reversing(moved.data.transfer_id, 5), voiding(other.data.hold_id), capturing(hold.data.hold_id),
        transfer(a, b, 1, effective_at=NOW - timedelta(minutes=1)), reversing(moved.data.transfer_id), at=NOW,
    )  # fmt: skip
    assert await bank.balances([a, b, c]) == [204, 391, 305]
    async with database.lent() as connection:
        assert await broken_rules(connection) == []
