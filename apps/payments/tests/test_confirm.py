from datetime import UTC, datetime, timedelta

from apps.payments.domain.transitions import State
from apps.payments.tests.building import SHOP, approval, confirm, create, decline, last_error, late, posted
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.message import Outcome, Problem, Reply
from contracts.risk import Assess

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def problem(reply: Reply) -> Problem:
    assert reply.outcome is Outcome.REFUSED
    assert reply.problem is not None
    return reply.problem


async def test_a_confirmation_starts_the_first_attempt(room: Room) -> None:
    command = create(confirm=False)
    await room.deliver(command)
    confirmation = confirm(command.data.payment_intent_id)
    (reply,) = await room.deliver(confirmation)
    intent = await room.intent(command.data.payment_intent_id)
    (asked,) = await room.said(Assess)
    assert reply.outcome is Outcome.ACCEPTED
    assert reply.resource["status"] == "processing"
    assert (intent.state, intent.current.number) == (State.ASSESSING, 1)
    assert (asked.correlationid, asked.causationid) == ("order-8", confirmation.id)


async def test_risk_is_told_when_the_payer_last_proved_who_they_are(room: Room) -> None:
    first, again = NOW - timedelta(hours=1), NOW
    created = create()
    created = created.model_copy(update={"data": created.data.model_copy(update={"authenticated_at": first})})
    identifier = created.data.payment_intent_id
    await room.deliver(created)
    await room.deliver(decline(await room.assessment(identifier)))
    confirmed = confirm(identifier)
    await room.deliver(
        confirmed.model_copy(update={"data": confirmed.data.model_copy(update={"authenticated_at": again})})
    )
    assert [asked.data.authenticated_at for asked in await room.said(Assess)] == [first, again]


async def test_refusals_in_their_order(room: Room) -> None:
    waiting, going = create(confirm=False), create()
    await room.deliver(waiting, going)
    cases = [
        (late(confirm(new_id())), "deadline_exceeded"),
        (confirm(new_id()), "payment_intent_not_found"),
        (confirm(waiting.data.payment_intent_id, customer=SHOP), "payment_intent_not_found"),
        (confirm(going.data.payment_intent_id), "payment_intent_unexpected_state"),
    ]
    replies = [reply for command, _ in cases for reply in await room.deliver(command)]
    assert [problem(reply).code for reply in replies] == [code for _, code in cases]
    assert (await room.intent(waiting.data.payment_intent_id)).attempt is None


async def test_of_two_confirmations_in_a_batch_one_wins(room: Room) -> None:
    command = create(confirm=False)
    await room.deliver(command)
    replies = await room.deliver(*(confirm(command.data.payment_intent_id) for _ in range(2)))
    assert sorted(reply.outcome for reply in replies) == [Outcome.ACCEPTED, Outcome.REFUSED]
    assert len(await room.said(Assess)) == 1


async def test_confirm_again_after_a_decline(room: Room) -> None:
    command = create()
    identifier = command.data.payment_intent_id
    await room.deliver(command)
    first = await room.assessment(identifier)
    await room.deliver(decline(first))
    declined = await room.intent(identifier)
    assert declined.state is State.REQUIRES_PAYMENT_METHOD
    assert last_error(declined).code == "payment_declined"

    confirmation = confirm(identifier)
    await room.deliver(confirmation)
    second = await room.assessment(identifier)
    again = await room.intent(identifier)
    assert (again.state, again.current.number, again.last_payment_error) == (State.ASSESSING, 2, None)
    assert second.assessment_id != first.assessment_id

    await room.deliver(approval(first))  # an old decision, said again or late
    assert (await room.intent(identifier)).state is State.ASSESSING

    await room.deliver(approval(second))
    post = await room.post(identifier)
    assert post.transfer_id != declined.current.transfer_id
    (reply,) = await room.deliver(posted(post))
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, None)
    assert room.replies[-1].causationid == confirmation.id
    assert (await room.intent(identifier)).state is State.SUCCEEDED
