from datetime import timedelta

import pytest

from apps.payments.audit import audit
from apps.payments.domain.transitions import State
from apps.payments.queries import get_payment_intent
from apps.payments.tests.building import PAYER, SYSTEM, approval, create, enveloped, posted
from apps.payments.tests.room import Room
from contracts.ids import new_id
from contracts.payments import GetPaymentIntent, PaymentIntent, PaymentStatus
from outbox.responder import Refused


async def test_a_customer_reads_the_intent(room: Room) -> None:
    command = create()
    await room.deliver(command)
    question = GetPaymentIntent(id=command.data.payment_intent_id, customer=PAYER)
    shown = await get_payment_intent(room.database, enveloped(question))
    assert shown.status is PaymentStatus.PROCESSING
    assert PaymentIntent.model_validate_json(shown.model_dump_json()) == shown


@pytest.mark.parametrize("known", [True, False])
async def test_nobody_else_learns_that_it_exists(room: Room, *, known: bool) -> None:
    command = create()
    await room.deliver(command)
    question = GetPaymentIntent(id=command.data.payment_intent_id if known else new_id(), customer=SYSTEM)
    with pytest.raises(Refused) as refusal:
        await get_payment_intent(room.database, enveloped(question))
    assert refusal.value.problem.code == "payment_intent_not_found"


async def test_the_audit_counts_states_and_lists_what_sticks(room: Room) -> None:
    waiting, assessing, posting, paid = create(confirm=False), create(), create(), create()
    await room.deliver(waiting, assessing, posting, paid)
    asked = [await room.assessment(command.data.payment_intent_id) for command in (posting, paid)]
    await room.deliver(*map(approval, asked))
    await room.deliver(posted(await room.post(paid.data.payment_intent_id)))
    async with room.database.reads() as reads:
        patient, strict = await audit(reads, timedelta(minutes=5)), await audit(reads, timedelta(0))
    there = {State.REQUIRES_CONFIRMATION, State.ASSESSING, State.POSTING, State.SUCCEEDED}
    assert patient.by_state == {state: int(state in there) for state in State}
    assert patient.stuck == []
    ids = [command.data.payment_intent_id for command in (assessing, posting)]
    assert [intent.id for intent in strict.stuck] == ids
