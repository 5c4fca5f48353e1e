from datetime import timedelta

import pytest

from apps.payments.domain.transitions import State
from apps.payments.handlers.telling import DECISIONS
from apps.payments.tests.building import MINE, PAYER, cancel, create, late
from apps.payments.tests.room import RISK_DEADLINE, Room
from contracts.ids import new_id
from contracts.message import Envelope, Outcome
from contracts.payments import CancellationReason, CreatePaymentIntent, PaymentIntent, PaymentStatus
from contracts.risk import Assess
from outbox.transaction import Request


async def test_a_confirmed_creation_asks_risk_and_is_accepted(room: Room) -> None:
    command = create()
    (reply,) = await room.deliver(command)
    intent = await room.intent(command.data.payment_intent_id)
    (asked,) = await room.said(Assess)

    assert reply.outcome is Outcome.ACCEPTED
    assert PaymentIntent.model_validate(reply.resource).id == intent.id
    assert intent.state is State.ASSESSING
    assert intent.deadline_at == intent.created_at + RISK_DEADLINE
    assert intent.asked_by is not None
    assert Request.model_validate_json(intent.asked_by) == Request.of(command)
    assert (asked.replyto, asked.correlationid, asked.causationid) == (DECISIONS, "order-7", command.id)
    assert asked.data == Assess(
        assessment_id=intent.current.assessment_id,
        payment_intent_id=intent.id,
        payer=PAYER,
        source_wallet=command.data.source_wallet,
        destination_wallet=command.data.destination_wallet,
        amount=1250,
        currency="EUR",
        payee=intent.merchant,
    )
    assert intent.merchant is not None


async def test_a_creation_without_confirmation_waits_for_it(room: Room) -> None:
    command = create(confirm=False)
    (reply,) = await room.deliver(command)
    resource = PaymentIntent.model_validate(reply.resource)
    assert reply.outcome is Outcome.COMPLETED
    assert resource.status is PaymentStatus.REQUIRES_CONFIRMATION
    assert resource.description == "Two coffees"
    assert await room.said(Assess) == []
    assert (await room.intent(command.data.payment_intent_id)).attempt is None


REFUSALS = [
    # what is wrong with the command                     refused with             about
    (late(create()), "deadline_exceeded", None),
    (late(create(destination=MINE)), "deadline_exceeded", None),
    (create(destination=MINE), "same_wallet", "destination_wallet"),
]


@pytest.mark.parametrize(("command", "code", "parameter"), REFUSALS)
async def test_a_creation_is_refused(
    room: Room, command: Envelope[CreatePaymentIntent], code: str, parameter: str | None
) -> None:
    good = create()
    refusal, accepted = sorted(await room.deliver(command, good), key=lambda reply: reply.outcome, reverse=True)
    assert refusal.outcome is Outcome.REFUSED
    assert refusal.problem is not None
    assert (refusal.problem.code, refusal.problem.parameter) == (code, parameter)
    assert accepted.outcome is Outcome.ACCEPTED
    assert [said.data.payment_intent_id for said in await room.said(Assess)] == [good.data.payment_intent_id]


async def test_an_id_belongs_to_the_first_that_names_it_in_one_batch_or_in_two(room: Room) -> None:
    taken = new_id()
    replies = await room.deliver(create(intent_id=taken, amount=1), create(intent_id=taken, amount=2))
    replies += await room.deliver(create(intent_id=taken, amount=3))
    assert [reply.outcome for reply in replies] == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.REFUSED]
    assert {reply.problem.code for reply in replies if reply.problem} == {"payment_intent_exists"}
    assert (await room.intent(taken)).amount == 1
    assert len(await room.said(Assess)) == 1


async def test_what_is_canceled_in_the_batch_that_creates_it_says_why(room: Room) -> None:
    command = create(confirm=False)
    replies = await room.deliver(command, cancel(command.data.payment_intent_id))
    assert [reply.problem for reply in replies] == [None, None]
    canceled = await room.intent(command.data.payment_intent_id)
    assert (canceled.state, canceled.cancellation_reason) == (
        State.CANCELED,
        CancellationReason.REQUESTED_BY_CUSTOMER,
    )


async def test_a_message_delivered_twice_counts_once(room: Room) -> None:
    command = create()
    assert len(await room.deliver(command, command)) == 1
    assert await room.deliver(command) == []
    assert len(await room.said(Assess)) == 1


async def test_a_large_batch_keeps_its_order(room: Room) -> None:
    commands = [create(amount=n) for n in range(1, 201)]
    replies = await room.deliver(*commands)
    assert [reply.resource["amount"] for reply in replies] == list(range(1, 201))
    assert [said.data.amount for said in await room.said(Assess)] == list(range(1, 201))
    intent = await room.intent(commands[0].data.payment_intent_id)
    assert intent.deadline_at is not None
    assert intent.deadline_at - intent.updated_at == timedelta(seconds=60)
