"""Refunds and their sums on a real database, also when two come at once."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from apps.payments.domain.operations import call_of
from apps.payments.domain.processing import ResultStatus, Verb
from apps.payments.domain.refunds import Stage
from apps.payments.tests.building import (
    MINE,
    PAYER,
    SHOP,
    THEIRS,
    captured,
    hold_refused,
    placed,
    posted,
    refund,
    refused,
    voided,
)
from apps.payments.tests.room import Room
from apps.payments.tests.test_cards import CLEARING, NO, PAYOUT, approved, charged, say
from contracts.ids import new_id
from contracts.message import Outcome, Reply
from contracts.payments import RefundCreated, RefundFailed, RefundSucceeded
from contracts.wallet import AccountKind, CaptureHold, PlaceHold, PostTransfer, SystemAccountName, VoidHold


async def paid(room: Room, amount: int = 100) -> UUID:
    """A wallet's payment that succeeded."""
    intent = await approved(room, amount=amount)
    await room.deliver(posted(await room.post(intent)))
    return intent


def code(reply: Reply) -> str | None:
    return reply.problem.code if reply.problem else None


async def test_a_wallet_gets_its_money_back(room: Room) -> None:
    intent = await paid(room)
    command = refund(intent, 60)
    (accepted,) = await room.deliver(command)
    assert (accepted.outcome, accepted.resource["status"]) == (Outcome.ACCEPTED, "pending")
    assert (await room.last(RefundCreated)).refund.metadata == {"ticket": "7"}
    back = await room.last(PostTransfer)
    assert (back.debit_account, back.credit_account, back.amount) == (THEIRS, MINE, 60)
    assert back.reference == command.data.refund_id
    (done,) = await room.deliver(posted(back))
    assert (done.outcome, done.resource["status"]) == (Outcome.COMPLETED, "succeeded")
    assert room.replies[-1].causationid == command.id
    after = await room.intent(intent)
    assert (after.refunding, after.refunded, after.refundable) == (0, 60, 40)
    assert (await room.last(RefundSucceeded)).refund.id == command.data.refund_id
    assert (await room.hops(intent))[-2:] == [
        ("refund", "succeeded", "refund.created"),
        ("refund_succeeded", "succeeded", "refund.succeeded"),
    ]


async def test_a_card_gets_its_money_back_from_what_is_held_for_it(room: Room) -> None:
    intent = await charged(room)
    command = refund(intent)
    await room.deliver(command)
    hold = await room.last(PlaceHold)
    assert (hold.debit_account, hold.credit_account, hold.amount) == (THEIRS, CLEARING, 1250)
    await room.deliver(placed(hold))
    (asked,) = await room.unsettled(intent)
    assert (asked.verb, call_of(asked).parent, asked.subject_id) == (Verb.REFUND, "sbx_1", command.data.refund_id)
    await say(room, intent, ResultStatus.APPROVED, "sbx_refund")
    (done,) = await room.deliver(*captured(await room.last(CaptureHold), hold))
    assert done.resource["status"] == "succeeded"
    assert (await room.intent(intent)).refunded == 1250


async def test_a_declined_refund_changes_nothing(room: Room) -> None:
    intent = await charged(room)
    command = refund(intent)
    await room.deliver(command)
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await say(room, intent, ResultStatus.DECLINED, problem=NO)
    assert (await room.last(VoidHold)).hold_id == hold.hold_id
    (failed,) = await room.deliver(voided(hold))
    assert (failed.outcome, failed.problem, failed.resource["status"]) == (Outcome.COMPLETED, NO, "failed")
    assert (await room.last(RefundFailed)).refund.failure == NO
    assert (await room.intent(intent)).refundable == 1250


async def test_a_merchant_without_the_money_cannot_refund(room: Room) -> None:
    by_card, by_wallet = await charged(room), await paid(room)
    await room.deliver(refund(by_card))
    hold = await room.last(PlaceHold)
    (failed,) = await room.deliver(hold_refused(hold.hold_id, hold))
    assert (failed.resource["status"], code(failed)) == ("failed", "insufficient_funds")
    await room.deliver(refund(by_wallet))
    (failed,) = await room.deliver(refused(await room.last(PostTransfer)))
    assert (failed.resource["status"], code(failed)) == ("failed", "insufficient_funds")
    for intent in (by_card, by_wallet):
        assert (await room.intent(intent)).refunding == 0


async def test_what_the_customer_has_is_booked_even_if_the_hold_is_gone(room: Room) -> None:
    intent = await charged(room)
    command = refund(intent)
    await room.deliver(command)
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await say(room, intent, ResultStatus.APPROVED)
    await room.deliver(hold_refused((await room.last(CaptureHold)).transfer_id, hold, "hold_expired"))
    aside = await room.last(PostTransfer)
    assert (aside.debit_account, aside.credit_account) == (SystemAccountName(kind=AccountKind.SUSPENSE), CLEARING)
    (done,) = await room.deliver(posted(aside))
    assert done.resource["status"] == "succeeded"


async def test_refusals(room: Room) -> None:
    intent, taken = await paid(room), refund(await paid(room), 10)
    await room.deliver(taken)
    payout = await approved(room, **PAYOUT)
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await say(room, payout, ResultStatus.APPROVED)
    await room.deliver(*captured(await room.last(CaptureHold), hold))
    cases = [
        (refund(new_id()), "payment_intent_not_found"),
        (refund(intent, merchant=PAYER), "payment_intent_not_found"),
        (refund(payout, merchant=PAYER), "refund_not_possible"),
        (refund(await approved(room)), "payment_intent_unexpected_state"),
        (refund(intent, 5, refund_id=taken.data.refund_id), "refund_exists"),
        (refund(intent, 101), "refund_exceeds_captured"),
    ]
    for command, expected in cases:
        (reply,) = await room.deliver(command)
        assert (reply.outcome, code(reply)) == (Outcome.REFUSED, expected)
    assert (await room.intent(intent)).refundable == 100


async def test_several_refunds_in_one_batch_count_one_after_the_other(room: Room) -> None:
    intent = await paid(room)
    replies = await room.deliver(refund(intent, 50), refund(intent, 60), refund(intent, 50), refund(intent))
    assert sorted(str(code(reply)) for reply in replies) == ["None", "None"] + ["refund_exceeds_captured"] * 2


@pytest.mark.parametrize("by_card", [False, True])
async def test_of_two_simultaneous_refunds_of_60_on_100_exactly_one_is_left(room: Room, *, by_card: bool) -> None:
    """In two transactions at the same time: the second waits for the payment's row, and finds 40 left."""
    intent = await charged(room, amount=100) if by_card else await paid(room)
    await asyncio.gather(room.deliver(refund(intent, 60)), room.deliver(refund(intent, 60)))
    heard = {reply.data.outcome: code(reply.data) for reply in room.replies[-2:]}
    assert heard == {Outcome.ACCEPTED: None, Outcome.REFUSED: "refund_exceeds_captured"}
    assert (await room.intent(intent)).refunding == 60


async def test_many_refunds_at_once_never_exceed_what_was_captured(room: Room) -> None:
    intent = await paid(room)
    await asyncio.gather(*(room.deliver(refund(intent, 15)) for _ in range(12)))
    assert (await room.intent(intent)).refunding == 90


RAW = [
    "UPDATE payment_intent SET refunded = captured + 1",
    "UPDATE payment_intent SET refunding = captured, disputed = 1",
    "UPDATE payment_intent SET refunding = refunding + 1",  # no refund says so
    "UPDATE payment_intent SET refunded = 60",
    "UPDATE payment_intent SET captured = captured - 1",
    "UPDATE payment_intent SET captured = captured + 1",
    "UPDATE payment_intent SET lost = 1",
    "UPDATE payment_intent SET amount = amount * 2",
    "UPDATE refund SET stage = 'succeeded'",  # and the payment does not know
    "UPDATE refund SET stage = 'failed', failure = '{}'",
    """
    INSERT INTO refund (id, intent_id, merchant, customer, amount, currency, stage, created_at, updated_at)
    SELECT gen_random_uuid(), id, merchant, customer, 41, currency, 'posting', now(), now() FROM payment_intent
    """,
    """
    INSERT INTO dispute (id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason,
                         status, funds, created_at, updated_at)
    SELECT gen_random_uuid(), id, merchant, customer, 'sandbox', 'dp', 41, 41, currency, 'fraudulent',
           'lost', 'taken', now(), now() FROM payment_intent
    """,
]


@pytest.mark.parametrize("statement", RAW)
async def test_raw_sql_of_the_runtime_role_cannot_break_the_sums(room: Room, statement: str) -> None:
    intent = await paid(room)
    await room.deliver(refund(intent, 60))
    with pytest.raises(asyncpg.CheckViolationError):
        await room.database.pool.execute(statement)
    after = await room.intent(intent)
    assert (after.captured, after.refunding, after.refunded) == (100, 60, 0)


FORBIDDEN = [
    "UPDATE refund SET amount = 1",
    "DELETE FROM refund",
    "DELETE FROM operation",
    "UPDATE operation SET amount = 1",
    "UPDATE operation SET asked = '{}'",
    "UPDATE hop SET state = 'succeeded'",
    "DELETE FROM hop",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_what_was_asked_and_has_happened_cannot_be_rewritten(room: Room, statement: str) -> None:
    await room.deliver(refund(await paid(room), 60))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await room.database.pool.execute(statement)


async def test_a_second_charge_cannot_even_be_stored(room: Room) -> None:
    intent = await approved(room, source=None, payment_method={"type": "card", "token": "tok_visa"})
    again = """
    INSERT INTO operation (id, intent_id, subject_id, verb, processor, amount, asked, status, asked_at)
    SELECT gen_random_uuid(), intent_id, subject_id, verb, 'sandbox_backup', amount, asked, 'pending', now()
    FROM operation WHERE intent_id = $1
    """
    with pytest.raises(asyncpg.UniqueViolationError):
        await room.database.pool.execute(again, intent)


async def test_a_refund_through_the_processor_may_take_its_time(room: Room) -> None:
    intent = await charged(room)
    command = refund(intent)
    await room.deliver(command)
    await room.deliver(placed(await room.last(PlaceHold)))
    for status in (ResultStatus.PENDING, ResultStatus.UNKNOWN, ResultStatus.PENDING):
        await say(room, intent, status)
        assert (await room.refund(command.data.refund_id)).stage is Stage.REFUNDING
    assert (await room.intent(intent)).merchant == SHOP
