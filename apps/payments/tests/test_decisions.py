from apps.payments.domain.deciding import Ignored
from apps.payments.domain.transitions import State
from apps.payments.handlers.signals import IGNORED
from apps.payments.tests.building import MINE, PAYER, THEIRS, approval, create, decline, enveloped, last_error
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.message import Outcome
from contracts.payments import PaymentIntentFailed
from contracts.risk import Assess
from contracts.wallet import PostTransfer


def ignored(reason: Ignored) -> float:
    value: float = IGNORED.labels("RiskWord", reason.value)._value.get()
    return value


async def test_an_approval_asks_the_ledger_and_has_no_deadline(room: Room) -> None:
    command = create()
    await room.deliver(command)
    decision = approval(await room.assessment(command.data.payment_intent_id))
    assert await room.deliver(decision) == []
    intent = await room.intent(command.data.payment_intent_id)
    (asked,) = await room.said(PostTransfer)
    assert (intent.state, intent.deadline_at) == (State.POSTING, None)
    assert (asked.correlationid, asked.causationid) == ("order-7", decision.id)
    assert asked.data == PostTransfer(
        transfer_id=intent.current.transfer_id,
        debit_account=MINE,
        credit_account=THEIRS,
        amount=1250,
        currency="EUR",
        authorised_by=PAYER,
        reference=intent.id,
    )


async def test_a_decline_ends_the_attempt_with_its_reasons(room: Room) -> None:
    command = create()
    await room.deliver(command)
    decision = decline(await room.assessment(command.data.payment_intent_id), "more than 600 payments in a minute")
    (reply,) = await room.deliver(decision)
    intent = await room.intent(command.data.payment_intent_id)
    (failed,) = await room.said(PaymentIntentFailed)

    assert intent.state is State.REQUIRES_PAYMENT_METHOD
    assert last_error(intent).code == "payment_declined"
    assert "more than 600 payments in a minute" in last_error(intent).detail
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, intent.last_payment_error)
    assert reply.resource["status"] == "requires_payment_method"
    assert room.replies[-1].causationid == command.id
    assert failed.causationid == decision.id
    assert failed.data.payment_intent.last_payment_error == intent.last_payment_error
    assert await room.said(PostTransfer) == []


async def test_decisions_repeated_out_of_order_or_of_nobody_change_nothing(room: Room) -> None:
    command = create()
    await room.deliver(command)
    asked = await room.assessment(command.data.payment_intent_id)
    repeated = ignored(Ignored.OUT_OF_STATE)
    unknown = ignored(Ignored.UNKNOWN_INTENT)
    other = ignored(Ignored.OTHER_ATTEMPT)

    strange = asked.model_copy(update={"payment_intent_id": new_id()})
    outdated = asked.model_copy(update={"assessment_id": new_id()})
    await room.deliver(approval(strange), decline(outdated), approval(asked), approval(asked), decline(asked))
    await room.deliver(approval(asked))

    assert (await room.intent(command.data.payment_intent_id)).state is State.POSTING
    assert len(await room.said(PostTransfer)) == 1
    assert await room.said(PaymentIntentFailed) == []
    assert ignored(Ignored.OUT_OF_STATE) == repeated + 3
    assert ignored(Ignored.UNKNOWN_INTENT) == unknown + 1
    assert ignored(Ignored.OTHER_ATTEMPT) == other + 1


async def test_each_message_continues_the_correlation_of_its_own_request(room: Room) -> None:
    commands = [create(correlation=f"order-{n}") for n in range(3)]
    await room.deliver(*commands)
    decisions = [approval(asked.data, asked.correlationid) for asked in await room.said(Assess)]
    await room.deliver(*reversed(decisions))
    spoken = {asked.data.reference: asked.correlationid for asked in await room.said(PostTransfer)}
    assert spoken == {command.data.payment_intent_id: command.correlationid for command in commands}


async def test_an_unchanged_copy_under_another_message_id_changes_nothing(room: Room) -> None:
    command = create()
    await room.deliver(command)
    decision = decline(await room.assessment(command.data.payment_intent_id))
    assert len(await room.deliver(decision, enveloped(decision.data))) == 1
    assert len(await room.said(PaymentIntentFailed)) == 1
