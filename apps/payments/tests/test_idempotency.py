"""The client's Idempotency-Key: one payment, one final answer, however often it asks."""

from apps.payments.domain.transitions import State
from apps.payments.tests.building import again, approval, confirm, create, decline, enveloped, key, late, posted
from apps.payments.tests.room import Room
from contracts.message import Envelope, Outcome, Reply
from contracts.payments import CreatePaymentIntent
from contracts.risk import Assess


def code(reply: Reply) -> str | None:
    return reply.problem.code if reply.problem else None


async def pay(room: Room, command: Envelope[CreatePaymentIntent]) -> Reply:
    """Bring a payment to its success; return the final answer."""
    await room.deliver(command)
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    (reply,) = await room.deliver(posted(await room.post(command.data.payment_intent_id)))
    return reply


async def test_same_key_same_body_gives_the_final_answer_again(room: Room) -> None:
    command = create()
    final = await pay(room, command)
    retry = again(command)
    assert await room.deliver(retry) == [final]
    assert room.replies[-1].causationid == retry.id
    assert len(await room.said(Assess)) == 1


async def test_a_retry_with_another_intent_id_gives_the_first_intent(room: Room) -> None:
    name = key("k")
    final = await pay(room, create(idempotency=name))
    assert await room.deliver(create(idempotency=name)) == [final]


async def test_same_key_other_body_is_refused(room: Room) -> None:
    await room.deliver(create(idempotency=key("k", "one")))
    (reply,) = await room.deliver(create(idempotency=key("k", "two")))
    assert (reply.outcome, code(reply)) == (Outcome.REFUSED, "idempotency_key_reused")
    assert len(await room.said(Assess)) == 1


async def test_a_key_in_flight_is_in_progress_until_the_final_answer(room: Room) -> None:
    command = create()
    replies = await room.deliver(command, again(command))
    replies += await room.deliver(again(command))
    assert sorted(reply.outcome for reply in replies) == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.REFUSED]
    assert {code(reply) for reply in replies if reply.problem} == {"idempotency_key_in_progress"}


async def test_a_decline_is_a_final_answer_too(room: Room) -> None:
    command = create()
    await room.deliver(command)
    (declined,) = await room.deliver(decline(await room.assessment(command.data.payment_intent_id)))
    assert await room.deliver(again(command)) == [declined]


async def test_each_attempt_answers_its_own_key(room: Room) -> None:
    command = create()
    await room.deliver(command)
    (declined,) = await room.deliver(decline(await room.assessment(command.data.payment_intent_id)))
    confirmation = confirm(command.data.payment_intent_id)
    await room.deliver(confirmation)
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    (paid,) = await room.deliver(posted(await room.post(command.data.payment_intent_id)))
    assert await room.deliver(again(command)) == [declined]
    assert await room.deliver(again(confirmation)) == [paid]


async def test_a_refusal_is_kept(room: Room) -> None:
    command = create(confirm=False)
    confirmation = confirm(command.data.payment_intent_id)
    (refusal,) = await room.deliver(confirmation)
    await room.deliver(command)
    assert code(refusal) == "payment_intent_not_found"
    assert await room.deliver(again(confirmation)) == [refusal]


async def test_a_late_command_does_not_block_its_retry(room: Room) -> None:
    command = late(create())
    (reply,) = await room.deliver(command)
    assert code(reply) == "deadline_exceeded"
    (retried,) = await room.deliver(again(command))
    assert retried.outcome is Outcome.ACCEPTED
    assert (await room.intent(command.data.payment_intent_id)).state is State.ASSESSING


async def test_a_late_retry_of_an_answered_command_gets_the_answer(room: Room) -> None:
    command = create()
    final = await pay(room, command)
    assert await room.deliver(late(command)) == [final]


async def test_a_late_retry_leaves_the_payment_in_flight_its_answer(room: Room) -> None:
    command = create()
    await room.deliver(command)
    (reply,) = await room.deliver(late(command))
    assert code(reply) == "idempotency_key_in_progress"
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    (final,) = await room.deliver(posted(await room.post(command.data.payment_intent_id)))
    assert await room.deliver(again(command)) == [final]


async def test_late_and_timely_with_one_key_in_one_batch(room: Room) -> None:
    command = create()
    replies = await room.deliver(late(command), command)
    assert sorted(reply.outcome for reply in replies) == [Outcome.ACCEPTED, Outcome.REFUSED]
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    (final,) = await room.deliver(posted(await room.post(command.data.payment_intent_id)))
    assert await room.deliver(again(command)) == [final]


async def test_a_command_that_nobody_waits_for_is_still_executed(room: Room) -> None:
    command = enveloped(create().data).model_copy(update={"replyto": None})
    assert await room.deliver(command) == []
    assert (await room.intent(command.data.payment_intent_id)).state is State.ASSESSING
