"""Disputes on a real database: money held, evidence sent, won and lost, in any order of the processor's words."""

from itertools import permutations
from uuid import UUID

import pytest

from apps.payments.domain.agreement import sums_difference
from apps.payments.domain.deciding import Ignored
from apps.payments.domain.disputes import Dispute
from apps.payments.domain.operations import call_of
from apps.payments.domain.processing import DisputeNews, ResultStatus, Verb
from apps.payments.domain.signals import DisputeWord
from apps.payments.store.ledger_checks import load_sums
from apps.payments.tests.building import (
    PAYER,
    THEIRS,
    captured,
    hold_refused,
    placed,
    posted,
    refund,
    submit,
    voided,
)
from apps.payments.tests.room import Room
from apps.payments.tests.test_cards import CARD, CLEARING, NO, approved, charged, say
from contracts.ids import new_id
from contracts.message import Outcome
from contracts.payments import DisputeClosed, DisputeFunds, DisputeOpened, DisputeStatus, DisputeUpdated
from contracts.wallet import AccountKind, CaptureHold, PlaceHold, PostTransfer, SystemAccountName, VoidHold

SUSPENSE = SystemAccountName(kind=AccountKind.SUSPENSE)


def word(intent: UUID, status: str = "needs_response", amount: int = 1250) -> DisputeWord:
    return DisputeWord(intent, "sandbox", DisputeNews("dp_1", "sbx_1", amount, "EUR", "fraudulent", status))


async def the_dispute(room: Room) -> Dispute:
    return await room.dispute(await room.database.pool.fetchval("SELECT id FROM dispute"))


async def opened(room: Room, *, funded: bool = True) -> tuple[UUID, PlaceHold]:
    """A payment that is contested, with its money held back or not."""
    intent = await charged(room)
    await room.apply(word(intent))
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold) if funded else hold_refused(hold.hold_id, hold))
    return intent, hold


async def test_a_contested_payments_money_is_held_back(room: Room) -> None:
    intent, hold = await opened(room)
    dispute = await the_dispute(room)
    assert (hold.debit_account, hold.credit_account, hold.amount, hold.reference) == (
        THEIRS,
        CLEARING,
        1250,
        dispute.id,
    )
    assert (dispute.funds, dispute.contested, (await room.intent(intent)).disputed) == (DisputeFunds.HELD, 1250, 1250)
    assert (await room.last(DisputeOpened)).dispute.funds is DisputeFunds.HOLDING
    assert (await room.last(DisputeUpdated)).dispute.funds is DisputeFunds.HELD
    (reply,) = await room.deliver(refund(intent, 1))
    assert reply.problem is not None
    assert reply.problem.code == "refund_exceeds_captured"


async def test_won_gives_the_money_back(room: Room) -> None:
    intent, hold = await opened(room)
    await room.apply(word(intent, "won"))
    assert (await room.last(VoidHold)).hold_id == hold.hold_id
    await room.deliver(voided(hold))
    dispute, after = await the_dispute(room), await room.intent(intent)
    assert (dispute.status, dispute.funds) == (DisputeStatus.WON, DisputeFunds.RETURNED)
    assert (after.disputed, after.lost, after.refundable) == (0, 0, 1250)
    assert (await room.last(DisputeClosed)).dispute.status is DisputeStatus.WON


async def test_lost_takes_the_money_for_good(room: Room) -> None:
    intent, hold = await opened(room)
    await room.apply(word(intent, "lost"))
    await room.deliver(*captured(await room.last(CaptureHold), hold))
    dispute, after = await the_dispute(room), await room.intent(intent)
    assert (dispute.status, dispute.funds) == (DisputeStatus.LOST, DisputeFunds.TAKEN)
    assert (after.disputed, after.lost, after.refundable) == (0, 1250, 0)


async def test_what_the_merchant_does_not_have_the_platform_carries(room: Room) -> None:
    intent, _ = await opened(room, funded=False)
    assert (await the_dispute(room)).funds is DisputeFunds.UNFUNDED
    await room.apply(word(intent, "lost"))
    post = await room.last(PostTransfer)
    assert (post.debit_account, post.credit_account) == (SUSPENSE, CLEARING)
    await room.deliver(posted(post))
    assert (await the_dispute(room)).funds is DisputeFunds.TAKEN


async def test_what_was_refunded_cannot_be_contested_again(room: Room) -> None:
    intent = await charged(room)
    await room.deliver(refund(intent, 1000))
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    assert await room.apply(word(intent)) == [Ignored.TOO_EARLY]  # until it is known whether the refund succeeds
    await say(room, intent, ResultStatus.APPROVED)
    await room.deliver(*captured(await room.last(CaptureHold), hold))
    await room.apply(word(intent))
    dispute = await the_dispute(room)
    assert (dispute.amount, dispute.contested) == (1250, 250)


async def refunded(room: Room, amount: int) -> UUID:
    """A payment of 1000 of which some has gone back already."""
    intent = await charged(room, amount=1000)
    await room.deliver(refund(intent, amount))
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await say(room, intent, ResultStatus.APPROVED)
    await room.deliver(*captured(await room.last(CaptureHold), hold))
    assert (await room.intent(intent)).refunded == amount
    return intent


async def agrees(room: Room, intent: UUID) -> bool:
    async with room.database.reads() as reads:
        return [sums_difference(sums) for sums in await load_sums(reads, [intent])] == [None]


async def test_lost_beyond_what_is_left_the_merchant_pays_what_is_left_and_the_platform_the_rest(room: Room) -> None:
    intent = await refunded(room, 400)
    await room.apply(word(intent, "lost", 1000), word(intent, "lost", 1000))
    hold = await room.last(PlaceHold)
    assert hold.amount == 600
    before = await room.said(PostTransfer)
    await room.deliver(placed(hold))
    await room.deliver(*captured(await room.last(CaptureHold), hold))
    assert (await the_dispute(room)).funds is DisputeFunds.SETTLING
    assert await room.said(DisputeClosed) == []
    assert await agrees(room, intent), "while it is under way"
    await room.apply(word(intent, "lost", 1000), word(intent, "won", 1000))
    post = await room.last(PostTransfer)
    assert (post.debit_account, post.credit_account, post.amount) == (SUSPENSE, CLEARING, 400)
    assert post.reference == (await the_dispute(room)).id
    await room.deliver(posted(post), posted(post))
    after = await room.intent(intent)
    assert (after.disputed, after.lost, after.refundable) == (0, 600, 0)
    assert (await the_dispute(room)).funds is DisputeFunds.TAKEN
    assert len(await room.said(PostTransfer)) == len(before) + 1
    assert len(await room.said(DisputeClosed)) == 1
    assert await room.unsettled(intent) == []
    assert await agrees(room, intent)


@pytest.mark.parametrize("left", [0, 600], ids=["nothing is left", "the merchant has not got it"])
async def test_lost_without_a_hold_the_platform_pays_all(room: Room, left: int) -> None:
    intent = await refunded(room, 1000 - left)
    await room.apply(word(intent, amount=1000))
    if left:
        hold = await room.last(PlaceHold)
        await room.deliver(hold_refused(hold.hold_id, hold))
    await room.apply(word(intent, "lost", 1000), word(intent, "lost", 1000))
    post = await room.last(PostTransfer)
    assert (post.debit_account, post.credit_account, post.amount) == (SUSPENSE, CLEARING, 1000)
    assert (await the_dispute(room)).funds is DisputeFunds.SETTLING
    await room.deliver(posted(post))
    assert (await the_dispute(room)).funds is DisputeFunds.TAKEN
    assert (await room.intent(intent)).lost == left
    assert await room.unsettled(intent) == []
    assert await agrees(room, intent)


async def test_a_hold_that_is_gone_when_the_dispute_is_lost_the_platform_pays_all(room: Room) -> None:
    intent = await refunded(room, 400)
    await room.apply(word(intent, "lost", 1000))
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await room.deliver(hold_refused((await room.last(CaptureHold)).transfer_id, hold, "hold_expired"))
    post = await room.last(PostTransfer)
    assert (post.debit_account, post.credit_account, post.amount) == (SUSPENSE, CLEARING, 1000)
    await room.deliver(posted(post))
    assert (await the_dispute(room)).funds is DisputeFunds.TAKEN
    assert await agrees(room, intent)


@pytest.mark.parametrize("left", [0, 600])
async def test_won_beyond_what_is_left_nobody_pays(room: Room, left: int) -> None:
    intent = await refunded(room, 1000 - left)
    before = await room.said(PostTransfer)
    await room.apply(word(intent, "won", 1000), word(intent, "lost", 1000))
    assert (await the_dispute(room)).funds is DisputeFunds.RETURNED
    assert await room.said(PostTransfer) == before
    assert (await room.intent(intent)).refundable == left
    assert await agrees(room, intent)


async def test_a_dispute_before_the_money_is_there_is_for_later(room: Room) -> None:
    intent = await approved(room, **CARD)
    assert await room.apply(word(intent)) == [Ignored.TOO_EARLY]
    assert await room.apply(word(new_id())) == [Ignored.UNKNOWN_INTENT]
    await say(room, intent, ResultStatus.APPROVED)
    assert await room.apply(word(intent)) == [Ignored.TOO_EARLY]
    await room.deliver(posted(await room.post(intent)))
    await room.apply(word(intent))
    assert (await the_dispute(room)).status is DisputeStatus.NEEDS_RESPONSE


@pytest.mark.parametrize("end", ["won", "lost"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_words_in_any_order_and_number_come_to_the_same(room: Room, order: tuple[int, ...], end: str) -> None:
    intent = await charged(room)
    words = [word(intent), word(intent, "under_review"), word(intent, end)]
    for n in order:
        await room.apply(words[n], words[n])
        await answer_all(room)
    await room.apply(*words)
    dispute, after = await the_dispute(room), await room.intent(intent)
    lost = 1250 if end == "lost" else 0
    assert (dispute.status.value, after.disputed, after.lost) == (end, 0, lost)
    assert len(await room.said(DisputeOpened)) == len(await room.said(DisputeClosed)) == 1
    assert await room.unsettled(intent) == []


async def answer_all(room: Room) -> None:
    """Let the ledger carry out what is unsettled."""
    for operation in await room.unsettled((await the_dispute(room)).intent_id):
        hold = await room.last(PlaceHold)
        match operation.verb:
            case Verb.HOLD:
                await room.deliver(placed(hold))
                await answer_all(room)
            case Verb.VOID_HOLD:
                await room.deliver(voided(hold))
            case _:
                await room.deliver(*captured(await room.last(CaptureHold), hold))


async def test_a_dispute_that_ends_while_its_money_is_being_held_waits_for_that(room: Room) -> None:
    intent = await charged(room)
    await room.apply(word(intent), word(intent, "won"))
    assert (await the_dispute(room)).funds is DisputeFunds.HOLDING
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    assert (await the_dispute(room)).funds is DisputeFunds.SETTLING
    await room.deliver(voided(hold))
    assert (await the_dispute(room)).funds is DisputeFunds.RETURNED


async def test_evidence_goes_to_the_processor_once(room: Room) -> None:
    await opened(room)
    dispute = await the_dispute(room)
    foreign, first, second = submit(dispute.id, merchant=PAYER), submit(dispute.id), submit(dispute.id)
    replies = await room.deliver(foreign, first, second, submit(new_id()))
    assert sorted(str(reply.problem.code if reply.problem else None) for reply in replies) == [
        "None",
        "dispute_not_found",
        "dispute_not_found",
        "evidence_submitted",
    ]
    (asked,) = await room.unsettled(dispute.intent_id)
    assert (asked.verb, call_of(asked).parent) == (Verb.EVIDENCE, "dp_1")
    assert call_of(asked).evidence == {"shipping_tracking_number": "1Z999AA10123456784"}
    (reply,) = await say(room, dispute.intent_id, ResultStatus.APPROVED, "sbx_evidence")
    assert (reply.outcome, reply.resource["status"]) == (Outcome.COMPLETED, "under_review")


async def test_refused_evidence_may_be_submitted_again_until_the_dispute_is_over(room: Room) -> None:
    await opened(room)
    dispute = await the_dispute(room)
    await room.deliver(submit(dispute.id))
    (reply,) = await say(room, dispute.intent_id, ResultStatus.DECLINED, problem=NO)
    assert (reply.problem, reply.resource.get("evidence")) == (NO, None)
    (again,) = await room.deliver(submit(dispute.id))
    assert again.outcome is Outcome.ACCEPTED
    await room.apply(word(dispute.intent_id, "lost"))
    await say(room, dispute.intent_id, ResultStatus.APPROVED)
    (closed,) = await room.deliver(submit(dispute.id))
    assert closed.problem is not None
    assert closed.problem.code == "dispute_closed"
