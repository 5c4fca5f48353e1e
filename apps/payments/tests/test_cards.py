"""Payments through processors, with captures, actions and cancellations, on a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.payments.domain.operations import OperationStatus, call_of
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult
from apps.payments.domain.transitions import State
from apps.payments.tests.building import (
    MINE,
    PAYER,
    SHOP,
    THEIRS,
    approval,
    cancel,
    capture,
    captured,
    create,
    enveloped,
    hold_refused,
    last_error,
    placed,
    posted,
    refused,
    voided,
)
from apps.payments.tests.room import Room
from contracts.message import Outcome, Problem, Reply
from contracts.payments import (
    BankMethod,
    CardMethod,
    PaymentDirection,
    PaymentIntent,
    PaymentIntentProcessing,
    PaymentIntentRequiresAction,
)
from contracts.wallet import (
    AccountKind,
    CaptureHold,
    Journal,
    JournalPosted,
    PlaceHold,
    PostJournal,
    PostTransfer,
    SystemAccountName,
    VoidHold,
)

CARD: dict[str, Any] = {"source": None, "payment_method": CardMethod(token="tok_visa")}
PAYOUT: dict[str, Any] = {
    "destination": None,
    "direction": PaymentDirection.PAYOUT,
    "payment_method": BankMethod(token="tok_bank"),
}
MANUAL = {"capture_method": "manual"}
CLEARING = SystemAccountName(kind=AccountKind.CLEARING, processor="sandbox")
NO = Problem(code="card_declined", detail="No.")


async def approved(room: Room, **kind: Any) -> UUID:
    """Create a payment, and let risk approve it."""
    command = create(**kind)
    await room.deliver(command)
    identifier = command.data.payment_intent_id
    await room.deliver(approval(await room.assessment(identifier)))
    return identifier


async def say(room: Room, intent: UUID, status: ResultStatus, reference: str = "sbx_1", **more: Any) -> list[Reply]:
    """Let the processor say something about what it was asked last; return the replies that this causes."""
    (asked,) = [o for o in await room.unsettled(intent) if not o.in_ledger]
    heard = len(room.replies)
    await room.apply(OperationResult(asked.id, Result(status, reference, **more)))
    return [reply.data for reply in room.replies[heard:]]


async def charged(room: Room, **more: Any) -> UUID:
    """Bring a card payment to its success."""
    intent = await approved(room, **CARD | more)
    await say(room, intent, ResultStatus.APPROVED)
    await room.deliver(posted(await room.post(intent)))
    assert (await room.intent(intent)).state is State.SUCCEEDED
    return intent


async def test_a_charge_is_brought_from_the_processor_to_the_destination(room: Room) -> None:
    intent = await approved(room, **CARD)
    assert room.wakes == {"processors"}
    (asked,) = await room.unsettled(intent)
    call = call_of(asked)
    assert (call.verb, call.amount, call.currency, call.method) == (
        Verb.CHARGE,
        1250,
        "EUR",
        {"type": "card", "token": "tok_visa"},
    )
    assert asked.next_at is not None
    assert (await room.last(PaymentIntentProcessing)).payment_intent.processor == "sandbox"

    assert await say(room, intent, ResultStatus.APPROVED) == []
    post = await room.post(intent)
    assert (post.debit_account, post.credit_account, post.amount, post.authorised_by) == (CLEARING, THEIRS, 1250, None)
    (reply,) = await room.deliver(posted(post))
    shown = PaymentIntent.model_validate(reply.resource)
    assert (reply.outcome, reply.problem, shown.amount_captured) == (Outcome.COMPLETED, None, 1250)
    assert await room.hops(intent) == [
        ("create", "requires_confirmation", "payment_intent.created"),
        ("confirm", "assessing", None),
        ("risk_approved", "authorising", "payment_intent.processing"),
        ("charged", "posting", None),
        ("posted", "succeeded", "payment_intent.succeeded"),
    ]


async def test_a_decline_can_be_tried_again_with_the_reason_told(room: Room) -> None:
    intent = await approved(room, **CARD)
    (reply,) = await say(room, intent, ResultStatus.DECLINED, problem=NO)
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, NO)
    declined = await room.intent(intent)
    assert (declined.state, declined.last_payment_error) == (State.REQUIRES_PAYMENT_METHOD, NO)
    assert await room.unsettled(intent) == []


async def test_a_technical_failure_goes_to_the_next_processor_until_none_is_left(room: Room) -> None:
    intent = await approved(room, **CARD)
    (first,) = await room.unsettled(intent)
    await say(room, intent, ResultStatus.FAILED)
    (second,) = await room.unsettled(intent)
    assert (first.processor, second.processor) == ("sandbox", "sandbox_backup")
    assert first.id != second.id
    (reply,) = await say(room, intent, ResultStatus.FAILED)
    assert reply.problem is not None
    assert reply.problem.code == "processor_unavailable"


async def test_an_unknown_outcome_keeps_everything_else_from_being_tried(room: Room) -> None:
    intent = await approved(room, **CARD)
    for _ in range(3):
        assert await say(room, intent, ResultStatus.UNKNOWN) == []
    (asked,) = await room.unsettled(intent)
    assert asked.status is OperationStatus.UNKNOWN
    (refusal,) = await room.deliver(cancel(intent))
    assert refusal.problem is not None
    assert refusal.problem.code == "payment_intent_unexpected_state"
    assert [hop[0] for hop in await room.hops(intent)][-1] == "operation_unknown"
    await say(room, intent, ResultStatus.APPROVED)
    assert (await room.intent(intent)).state is State.POSTING


async def test_a_customer_who_has_to_act_is_told_where_and_may_give_up(room: Room) -> None:
    intent = await approved(room, **CARD)
    (reply,) = await say(room, intent, ResultStatus.REQUIRES_ACTION, action_url="https://bank.example/3ds")
    assert reply.resource["next_action"] == {"type": "redirect_to_url", "url": "https://bank.example/3ds"}
    assert (await room.last(PaymentIntentRequiresAction)).payment_intent.next_action is not None
    (accepted,) = await room.deliver(cancel(intent))
    assert accepted.outcome is Outcome.ACCEPTED
    (void,) = await room.unsettled(intent)
    assert (void.verb, void.details["parent"]) == (Verb.VOID, "sbx_1")
    (canceled,) = await say(room, intent, ResultStatus.APPROVED)
    assert (canceled.resource["status"], canceled.resource["cancellation_reason"]) == (
        "canceled",
        "requested_by_customer",
    )


async def test_a_customer_who_does_not_act_in_time_is_given_up(room: Room) -> None:
    intent = await approved(room, **CARD)
    await say(room, intent, ResultStatus.REQUIRES_ACTION, action_url="https://bank.example/3ds")
    waiting = await room.intent(intent)
    assert waiting.deadline_at is not None
    assert timedelta(minutes=59) < waiting.deadline_at - waiting.updated_at <= timedelta(hours=1)
    await room.database.pool.execute("UPDATE payment_intent SET deadline_at = now() - interval '1 second'")
    await room.sweep()
    await say(room, intent, ResultStatus.APPROVED)
    gone = await room.intent(intent)
    assert (gone.state, gone.cancellation_reason) == (State.CANCELED, "expired")


async def test_a_customer_who_has_acted_is_not_given_up_while_the_bank_takes_its_time(room: Room) -> None:
    intent = await approved(room, **CARD)
    await say(room, intent, ResultStatus.PENDING)
    await say(room, intent, ResultStatus.REQUIRES_ACTION, action_url="https://bank.example/3ds")
    for _ in range(2):
        assert await say(room, intent, ResultStatus.PENDING) == []
    waiting = await room.intent(intent)
    assert (waiting.state, waiting.next_action, waiting.deadline_at) == (State.AUTHORISING, None, None)
    hops = [hop for hop in await room.hops(intent) if hop[0] == "action_taken"]
    assert hops == [("action_taken", "authorising", "payment_intent.processing")]
    (asked,) = await room.unsettled(intent)
    assert asked.status is OperationStatus.PENDING
    await room.sweep()
    await say(room, intent, ResultStatus.APPROVED)
    assert (await room.intent(intent)).state is State.POSTING


async def test_what_is_not_known_of_a_customer_who_has_to_act_leaves_them_their_time(room: Room) -> None:
    intent = await approved(room, **CARD)
    await say(room, intent, ResultStatus.REQUIRES_ACTION, action_url="https://bank.example/3ds")
    before = await room.intent(intent)
    await say(room, intent, ResultStatus.UNKNOWN)
    after = await room.intent(intent)
    assert (after.state, after.deadline_at) == (State.AWAITING_ACTION, before.deadline_at)


async def test_an_old_word_that_the_customer_has_to_act_gives_them_their_time_again(room: Room) -> None:
    intent = await approved(room, **CARD)
    for status in (ResultStatus.REQUIRES_ACTION, ResultStatus.PENDING, ResultStatus.REQUIRES_ACTION):
        await say(room, intent, status, action_url="https://bank.example/3ds")
    waiting = await room.intent(intent)
    assert (waiting.state, waiting.deadline_at is not None) == (State.AWAITING_ACTION, True)
    await say(room, intent, ResultStatus.APPROVED)
    assert (await room.intent(intent)).state is State.POSTING


async def test_what_a_customer_has_acted_on_is_not_started_anew_elsewhere(room: Room) -> None:
    intent = await approved(room, **CARD)
    for status in (ResultStatus.REQUIRES_ACTION, ResultStatus.PENDING, ResultStatus.FAILED):
        await say(room, intent, status)
    assert (await room.intent(intent)).state is State.REQUIRES_PAYMENT_METHOD
    assert await room.unsettled(intent) == []


async def test_the_fee_is_taken_with_the_money(room: Room) -> None:
    intent = await approved(room, **CARD, application_fee=50)
    await say(room, intent, ResultStatus.APPROVED)
    journal = await room.last(PostJournal)
    assert [leg.model_dump(include={"debit_account", "credit_account", "amount"}) for leg in journal.legs] == [
        {"debit_account": CLEARING.model_dump(), "credit_account": THEIRS, "amount": 1250},
        {"debit_account": THEIRS, "credit_account": {"kind": "fees", "processor": None}, "amount": 50},
    ]
    assert (await room.intent(intent)).state is State.POSTING


async def test_a_wallet_pays_the_fee_itself_because_only_it_authorises(room: Room) -> None:
    await approved(room, application_fee=50)
    journal = await room.last(PostJournal)
    assert journal.authorised_by == PAYER
    assert [(leg.debit_account, leg.amount) for leg in journal.legs if leg.kind == "transfer"] == [
        (MINE, 1200),
        (MINE, 50),
    ]


async def test_what_the_destination_does_not_take_is_put_aside(room: Room) -> None:
    intent = await approved(room, **CARD)
    await say(room, intent, ResultStatus.APPROVED)
    await room.deliver(refused(await room.post(intent), "credit_account_closed"))
    aside = await room.post(intent)
    assert aside.credit_account == SystemAccountName(kind=AccountKind.SUSPENSE)
    assert (await room.intent(intent)).state is State.POSTING
    (reply,) = await room.deliver(posted(aside))
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, None)
    assert [hop[0] for hop in await room.hops(intent)][-2:] == ["post_refused", "posted"]


async def test_an_authorisation_is_captured_bit_by_bit(room: Room) -> None:
    intent = await approved(room, **CARD, **MANUAL, application_fee=50)
    (held,) = await say(room, intent, ResultStatus.APPROVED, "sbx_auth")
    assert (held.resource["status"], held.resource["amount_capturable"]) == ("requires_capture", 1250)
    for amount, final, left in ((500, False, 750), (250, False, 500), (300, True, 0)):
        (accepted,) = await room.deliver(capture(intent, amount, final=final))
        assert accepted.outcome is Outcome.ACCEPTED
        (asked,) = await room.unsettled(intent)
        assert call_of(asked).parent == "sbx_auth"
        assert (call_of(asked).amount, call_of(asked).final) == (amount, final)
        assert await say(room, intent, ResultStatus.APPROVED, f"sbx_{amount}") == []
        if amount == 500:
            journal = await room.last(PostJournal)
            (reply,) = await room.deliver(*_journal_outcomes(journal))
        else:
            (reply,) = await room.deliver(posted(await room.post(intent)))
        assert reply.resource.get("amount_capturable", 0) == left
    assert reply.resource["status"] == "succeeded"
    assert reply.resource["amount_captured"] == 1050
    (refusal,) = await room.deliver(capture(intent))
    assert refusal.problem is not None
    assert refusal.problem.code == "payment_intent_unexpected_state"


def _journal_outcomes(journal: PostJournal) -> list[Any]:
    made = Journal(id=journal.journal_id, transfers=[], reference=journal.reference, posted_at=datetime.now(UTC))
    return [enveloped(JournalPosted(journal=made))]


async def test_more_than_is_authorised_cannot_be_captured(room: Room) -> None:
    intent = await approved(room, **CARD, **MANUAL)
    await say(room, intent, ResultStatus.APPROVED)
    (refusal,) = await room.deliver(capture(intent, 1251))
    assert refusal.outcome is Outcome.REFUSED
    assert refusal.problem is not None
    assert refusal.problem.code == "amount_exceeds_capturable"


async def test_a_declined_capture_can_be_tried_again(room: Room) -> None:
    intent = await approved(room, **CARD, **MANUAL)
    await say(room, intent, ResultStatus.APPROVED)
    await room.deliver(capture(intent))
    (reply,) = await say(room, intent, ResultStatus.DECLINED, problem=NO)
    assert (reply.outcome, reply.problem, reply.resource["status"]) == (Outcome.COMPLETED, NO, "requires_capture")
    assert reply.resource["amount_capturable"] == 1250


async def test_a_wallets_money_is_held_and_captured(room: Room) -> None:
    intent = await approved(room, **MANUAL)
    hold = await room.last(PlaceHold)
    assert (hold.debit_account, hold.credit_account, hold.authorised_by, hold.reference) == (
        MINE,
        THEIRS,
        PAYER,
        intent,
    )
    (reply,) = await room.deliver(placed(hold))
    assert reply.resource["status"] == "requires_capture"
    await room.deliver(capture(intent, 1000))
    asked = await room.last(CaptureHold)
    assert (asked.hold_id, asked.amount, asked.release_rest) == (hold.hold_id, 1000, True)
    (done,) = await room.deliver(*captured(asked, hold))
    assert (done.resource["status"], done.resource["amount_captured"]) == ("succeeded", 1000)
    assert done.resource["transfer_id"] == str(asked.transfer_id)


async def test_a_hold_that_the_wallet_refuses_is_a_decline(room: Room) -> None:
    intent = await approved(room, **MANUAL)
    hold = await room.last(PlaceHold)
    (reply,) = await room.deliver(hold_refused(hold.hold_id, hold))
    assert reply.problem is not None
    assert reply.problem.code == "insufficient_funds"
    assert last_error(await room.intent(intent)).parameter == "source_wallet"


@pytest.mark.parametrize("refuses", [False, True])
async def test_what_is_not_captured_in_time_is_given_back(room: Room, *, refuses: bool) -> None:
    intent = await approved(room, **MANUAL)
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await room.database.pool.execute("UPDATE payment_intent SET deadline_at = now() - interval '1 second'")
    await room.sweep()
    void = await room.last(VoidHold)
    assert void.hold_id == hold.hold_id
    await room.deliver(hold_refused(void.operation_id, hold, "hold_expired") if refuses else voided(hold))
    gone = await room.intent(intent)
    assert (gone.state, gone.cancellation_reason) == (State.CANCELED, "expired")


async def test_a_payout_leaves_the_wallet_when_the_bank_has_it(room: Room) -> None:
    intent = await approved(room, **PAYOUT)
    hold = await room.last(PlaceHold)
    assert (hold.debit_account, hold.credit_account) == (MINE, CLEARING)
    await room.deliver(placed(hold))
    (asked,) = await room.unsettled(intent)
    assert (asked.verb, call_of(asked).method["type"]) == (Verb.PAYOUT, "bank")
    await say(room, intent, ResultStatus.APPROVED)
    (reply,) = await room.deliver(*captured(await room.last(CaptureHold), hold))
    assert reply.resource["status"] == "succeeded"


async def test_a_declined_payout_gives_the_money_back(room: Room) -> None:
    intent = await approved(room, **PAYOUT)
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    assert await say(room, intent, ResultStatus.DECLINED, problem=NO) == []
    (reply,) = await room.deliver(voided(hold))
    assert (reply.problem, reply.resource["status"]) == (NO, "requires_payment_method")


async def test_a_payout_by_the_next_processor_is_put_on_its_account(room: Room) -> None:
    intent = await approved(room, **PAYOUT)
    hold = await room.last(PlaceHold)
    await room.deliver(placed(hold))
    await say(room, intent, ResultStatus.FAILED)
    await say(room, intent, ResultStatus.APPROVED)
    put_right = await room.last(PostTransfer)
    assert (put_right.debit_account, put_right.credit_account) == (
        CLEARING,
        SystemAccountName(kind=AccountKind.CLEARING, processor="sandbox_backup"),
    )
    await room.deliver(posted(put_right), *captured(await room.last(CaptureHold), hold))
    assert (await room.intent(intent)).state is State.SUCCEEDED
    assert await room.unsettled(intent) == []


async def test_only_the_merchant_captures_and_only_parties_cancel(room: Room) -> None:
    intent = await approved(room, **MANUAL)
    await room.deliver(placed(await room.last(PlaceHold)))
    foreign = capture(intent)
    by_customer = foreign.model_copy(update={"data": foreign.data.model_copy(update={"merchant": PAYER})})
    replies = await room.deliver(by_customer, cancel(intent, asked_by=MINE), cancel(intent, asked_by=SHOP))
    codes = [reply.problem.code if reply.problem else None for reply in replies]
    assert sorted(codes, key=str) == [None, "payment_intent_not_found", "payment_intent_not_found"]


async def test_commands_to_the_ledger_without_an_outcome_are_sent_again_as_they_were(room: Room) -> None:
    await approved(room)
    await approved(room, application_fee=5)
    await room.ask_again()
    assert len(await room.said(PostTransfer)) == 1
    await room.database.pool.execute("UPDATE operation SET next_at = now() - interval '1 second'")
    await room.ask_again()
    await room.ask_again()
    for kind in (PostTransfer, PostJournal):
        first, again = await room.said(kind)
        assert first.data == again.data
        assert first.id != again.id
