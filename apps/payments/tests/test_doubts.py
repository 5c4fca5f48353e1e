"""A processor approves something else than it was asked for: nothing is booked, and a person is told."""

from typing import Any

import pytest

from apps.payments.domain.deciding import Step
from apps.payments.domain.operations import OperationStatus
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult
from apps.payments.domain.transitions import State
from apps.payments.tests.building import approval, create
from apps.payments.tests.play import AMOUNT, BY_CARD, MANUAL, PAYOUT, Play, paid
from apps.payments.tests.room import Room
from apps.payments.tests.test_cards import CARD, say
from contracts.payments import OperationNeedsAttention
from contracts.wallet import PostTransfer

OTHERWISE: list[dict[str, Any]] = [
    {"amount": 999_999, "currency": "EUR"},
    {"amount": AMOUNT - 1, "currency": "EUR"},
    {"amount": 0},
    {"amount": AMOUNT, "currency": "USD"},
    {"currency": "USD"},
]
AS_ASKED: list[dict[str, Any]] = [{}, {"amount": AMOUNT}, {"currency": "EUR"}, {"amount": AMOUNT, "currency": "EUR"}]


def asked(verb: Verb) -> tuple[Play, OperationResult]:
    """Bring a payment to where a processor was asked for this; return the approval of it, which says no amount."""
    kind = {Verb.PAYOUT: PAYOUT, Verb.AUTHORISE: BY_CARD | MANUAL, Verb.CAPTURE: BY_CARD | MANUAL}.get(verb, BY_CARD)
    play, subject = Play().create(**kind), None
    if verb in {Verb.CAPTURE, Verb.REFUND}:
        paid(play)
    if verb is Verb.CAPTURE:
        play.capture()
    elif verb is Verb.REFUND:
        play.refund()
        (subject,) = play.payment.refunds
        play.ledger(Verb.HOLD, subject=subject)
    else:
        play.risk()
        play.ledger(Verb.HOLD)
    return play, OperationResult(play.find([verb], subject), Result(ResultStatus.APPROVED, "sbx_1"))


def saying(approved: OperationResult, said: dict[str, Any]) -> OperationResult:
    return OperationResult(approved.operation_id, Result(ResultStatus.APPROVED, "sbx_1", **said))


MOVES = [Verb.CHARGE, Verb.AUTHORISE, Verb.CAPTURE, Verb.REFUND, Verb.PAYOUT]


@pytest.mark.parametrize("said", OTHERWISE)
@pytest.mark.parametrize("verb", MOVES)
def test_what_is_approved_otherwise_is_for_a_person_and_told_once(verb: Verb, said: dict[str, Any]) -> None:
    play, approved = asked(verb)
    state = play.state
    step = play.give(saying(approved, said))
    assert isinstance(step, Step)
    (told,) = step.said
    assert isinstance(told, OperationNeedsAttention)
    assert (told.operation_id, told.payment_intent) == (approved.operation_id, play.intent.id)
    (doubted,) = step.operations.values()
    assert (doubted.status, doubted.settled_at, step.asked, play.state) == (OperationStatus.ATTENTION, None, (), state)
    again = play.give(saying(approved, said))
    assert isinstance(again, Step)
    assert (again.said, again.facts, again.operations) == ((), (), {})


@pytest.mark.parametrize("said", AS_ASKED)
@pytest.mark.parametrize("verb", MOVES)
def test_what_is_approved_as_asked_goes_on_also_after_a_doubt(verb: Verb, said: dict[str, Any]) -> None:
    for doubts in (False, True):
        play, approved = asked(verb)
        if doubts:
            play.give(saying(approved, OTHERWISE[0]))
        play.give(saying(approved, said))
        assert play.operations[approved.operation_id].status is OperationStatus.SUCCEEDED


def test_how_much_a_void_names_is_nothing_to_us() -> None:
    play = paid(Play().create(**BY_CARD, **MANUAL))
    play.cancel()
    approved = OperationResult(play.find([Verb.VOID]), Result(ResultStatus.APPROVED, "sbx_1", amount=0))
    play.give(approved)
    assert play.state is State.CANCELED


async def test_a_charge_of_another_amount_is_kept_and_told(room: Room) -> None:
    command = create(**CARD)
    intent = command.data.payment_intent_id
    await room.deliver(command)
    await room.deliver(approval(await room.assessment(intent)))
    for _ in range(2):
        assert await say(room, intent, ResultStatus.APPROVED, amount=999_999, currency="EUR") == []
    (operation,) = await room.unsettled(intent)
    assert (operation.status, operation.reference) == (OperationStatus.ATTENTION, "sbx_1")
    assert operation.next_at is not None  # it is still asked about
    (told,) = await room.said(OperationNeedsAttention)
    assert told.data.operation_id == operation.id
    assert await room.said(PostTransfer) == []
    assert (await room.intent(intent)).state is State.AUTHORISING
