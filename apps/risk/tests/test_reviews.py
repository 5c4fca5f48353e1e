"""Reviews on a real database: a payment waits, an analyst decides once, and who asked hears of it once more."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from apps.risk.handlers.decide_reviews import decide
from apps.risk.tests.desk import ANALYST, REPLY_TO, Desk, again, changed, deciding, request
from apps.risk.tests.rule_sets import limits
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.risk import Assess

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LARGE = 2_000_00


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.rules = limits(review_amount=1_000)
    return desk


async def _reviewed(desk: Desk, **facts: Any) -> Envelope[Assess]:
    command = request(new_id(), LARGE, **facts)
    assert await desk.assess(command) == ["review large_payment_review"]
    return command


async def test_an_analyst_decides_and_who_asked_hears_it(desk: Desk) -> None:
    good, bad = await _reviewed(desk), await _reviewed(desk)
    before = len(await desk.said())
    commands = deciding(good, "approve"), deciding(bad, "decline", note="A stolen wallet.")
    assert await desk.decide(*commands) == ["completed"] * 2
    said = (await desk.said())[before:]
    assert [subject for subject, _ in said] == [REPLY_TO] * 2
    assert [event["causationid"] for _, event in said] == [str(command.id) for command in commands]
    assert [(e["data"]["assessment_id"], e["data"]["outcome"], e["data"]["rules"]) for _, e in said] == [
        (str(good.data.assessment_id), "approve", []),
        (str(bad.data.assessment_id), "decline", [{"name": "analyst", "reason": "A stolen wallet."}]),
    ]
    resource = desk.replies[commands[1].id].resource
    assert resource == {
        "assessment_id": str(bad.data.assessment_id),
        "payment_intent_id": str(bad.data.payment_intent_id),
        "outcome": "decline",
        "decided_by": str(ANALYST),
        "decided_at": said[1][1]["data"]["decided_at"],
    }


async def test_what_cannot_be_decided_is_refused_and_says_nothing(desk: Desk) -> None:
    waiting, small = await _reviewed(desk), request(new_id(), 1)
    await desk.assess(small)
    before = len(await desk.said())
    unknown = request(new_id(), 1)
    commands = [deciding(waiting, "review"), deciding(small, "approve"), deciding(unknown, "decline")]
    assert await desk.decide(*commands) == [
        "refused outcome_invalid", "refused review_not_found", "refused review_not_found",
    ]  # fmt: skip
    assert len(await desk.said()) == before
    assert (await desk.count("verdict"), len((await desk.reviews()).reviews)) == (0, 1)


async def test_a_review_is_decided_once_also_within_a_batch(desk: Desk) -> None:
    waiting = await _reviewed(desk)
    assert await desk.decide(deciding(waiting, "approve"), deciding(waiting, "decline")) == [
        "completed", "refused review_decided",
    ]  # fmt: skip
    assert await desk.decide(deciding(waiting, "approve")) == ["refused review_decided"]
    assert len(await desk.said()) == 2


async def test_the_same_command_again_has_the_same_answer_and_no_second_effect(desk: Desk) -> None:
    waiting = await _reviewed(desk)
    first = deciding(waiting, "approve")
    await desk.decide(first)
    repeated = again(first)
    assert await desk.decide(repeated) == ["completed"]
    assert desk.replies[repeated.id] == desk.replies[first.id]
    key = first.data.idempotency.key
    assert await desk.decide(deciding(waiting, "decline", key=key, fingerprint="1" * 64)) == [
        "refused idempotency_key_reused"
    ]
    assert len(await desk.said()) == 2


async def test_of_two_analysts_at_the_same_time_one_decides(desk: Desk) -> None:
    waiting = await _reviewed(desk)
    async with desk.transactions.begin() as tx:
        await decide(tx, [deciding(waiting, "approve")])
        second = asyncio.create_task(desk.decide(deciding(waiting, "decline")))
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done
    async with asyncio.timeout(5):
        assert await second == ["refused review_decided"]
    assert [event["data"]["outcome"] for _, event in await desk.said()] == ["review", "approve"]


async def test_a_payment_assessed_again_hears_the_newest_decision(desk: Desk) -> None:
    waiting = await _reviewed(desk)
    assert await desk.assess(again(waiting)) == ["review large_payment_review"]
    await desk.decide(deciding(waiting, "decline", note="No."))
    assert await desk.assess(again(waiting)) == ["decline analyst"]
    decided, repeated = (event["data"] for _, event in (await desk.said())[-2:])
    assert repeated == decided
    assert (await desk.count("decision"), await desk.count("review")) == (1, 1)


async def test_a_payment_reviewed_again_under_another_assessment_is_decided_again(desk: Desk) -> None:
    first = await _reviewed(desk)
    await desk.decide(deciding(first, "decline"))
    second = changed(request(first.data.payer, LARGE), payment_intent_id=first.data.payment_intent_id)
    await desk.assess(second)
    assert await desk.decide(deciding(second, "approve")) == ["completed"]
    said = (await desk.said())[-1][1]["data"]
    assert (said["assessment_id"], said["outcome"]) == (str(second.data.assessment_id), "approve")


async def test_money_under_review_counts_when_it_is_approved(desk: Desk) -> None:
    desk.rules = limits(review_amount=1_000, hourly_volume=3_000, payments_per_minute=3)
    payer = new_id()
    waiting = [request(payer, LARGE, at=NOON) for _ in range(2)]
    assert await desk.assess(*waiting) == ["review large_payment_review"] * 2
    # They were attempts at noon, and moved nothing then.
    assert await desk.assess(request(payer, 900_00, at=NOON), request(payer, 1, at=NOON)) == [
        "approve", "decline velocity",
    ]  # fmt: skip
    later = NOON + timedelta(hours=5)
    approve, decline = deciding(waiting[0], "approve"), deciding(waiting[1], "decline")
    await desk.decide(approve, decline, at=later)
    assert await desk.assess(request(payer, 999_00, at=later)) == ["approve"]
    assert await desk.assess(request(payer, 1_01, at=later)) == ["decline hourly_volume"]
    assert await desk.assess(request(payer, 1_01, at=later + timedelta(hours=2))) == ["approve"]


async def test_several_payments_of_one_payer_are_approved_at_once(desk: Desk) -> None:
    payer = new_id()
    waiting = [request(payer, LARGE) for _ in range(3)]
    await desk.assess(*waiting)
    assert await desk.decide(*(deciding(command, "approve") for command in waiting)) == ["completed"] * 3
    desk.rules = limits(hourly_volume=6_000)
    assert await desk.assess(request(payer, 1)) == ["decline hourly_volume"]


async def test_payments_without_a_source_or_a_destination_are_assessed_and_reviewed(desk: Desk) -> None:
    top_up = changed(request(new_id(), LARGE), source_wallet=None, direction="top_up", method="card")
    payout = changed(request(new_id(), LARGE), destination_wallet=None, direction="payout", method="bank_account")
    small = changed(request(new_id(), 1), source_wallet=None, destination_wallet=None)
    assert await desk.assess(top_up, payout, small) == ["review large_payment_review"] * 2 + ["approve"]
    assert await desk.decide(deciding(top_up, "approve"), deciding(payout, "decline")) == ["completed"] * 2


async def test_open_reviews_are_listed_newest_first_with_the_payments_facts(desk: Desk) -> None:
    waiting = [await _reviewed(desk) for _ in range(5)]
    await desk.decide(deciding(waiting[2], "approve"))
    listed, page = [], await desk.reviews(limit=2)
    while page.next_before:
        listed += page.reviews
        page = await desk.reviews(limit=2, before=page.next_before)
    listed += page.reviews
    assert [review.assessment_id for review in listed] == [waiting[n].data.assessment_id for n in (4, 3, 1, 0)]
    facts = listed[0].model_dump(exclude={"rules", "opened_at"})
    asked = waiting[4].data.model_dump()
    assert facts == {name: asked[name] for name in facts}
    assert [rule.name for rule in listed[0].rules] == ["large_payment_review"]
    assert listed[0].opened_at > listed[1].opened_at


FORBIDDEN = (
    "UPDATE review SET amount = 1",
    "UPDATE review SET subject = 'risk.decisions.wallet'",
    "DELETE FROM review",
    "UPDATE verdict SET outcome = 'approve'",
    "DELETE FROM verdict",
    "TRUNCATE verdict",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_role_cannot_rewrite_reviews(desk: Desk, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.database.pool.execute(statement)


async def test_the_database_takes_one_verdict_of_a_review_and_none_without_one(desk: Desk) -> None:
    waiting, small = await _reviewed(desk), request(new_id(), 1)
    await desk.assess(small)
    await desk.decide(deciding(waiting, "approve"))
    verdict = "INSERT INTO verdict VALUES ($1, 'decline', $1, 'No.', now())"
    with pytest.raises(asyncpg.UniqueViolationError):
        await desk.database.pool.execute(verdict, waiting.data.assessment_id)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await desk.database.pool.execute(verdict, small.data.assessment_id)
