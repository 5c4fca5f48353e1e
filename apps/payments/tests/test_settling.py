"""An operator says what became of an operation: by the rules it is as if the processor had said so, and once."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from apps.payments.domain.asking_again import LEASE
from apps.payments.domain.deciding import Ignored, Step
from apps.payments.domain.operations import Operation, OperationStatus, contradicts
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult
from apps.payments.domain.transitions import State
from apps.payments.tests.building import settlement
from apps.payments.tests.play import AMOUNT, BY_CARD, MANUAL, PAYOUT, Play, paid
from contracts.ids import new_id
from contracts.message import Message, Problem
from contracts.payments import ProcessorOperation

VERBS = [Verb.CHARGE, Verb.AUTHORISE, Verb.CAPTURE, Verb.VOID, Verb.REFUND, Verb.PAYOUT, Verb.EVIDENCE]
DOUBTS = [OperationStatus.UNKNOWN, OperationStatus.ATTENTION]


def asked(verb: Verb, status: OperationStatus = OperationStatus.ATTENTION) -> tuple[Play, UUID]:
    """Bring a payment to where nobody knows what became of this at its processor."""
    kind = {Verb.PAYOUT: PAYOUT}.get(verb, BY_CARD)
    manual = MANUAL if verb in {Verb.AUTHORISE, Verb.CAPTURE, Verb.VOID} else {}
    play, subject = Play().create(**kind, **manual), None
    if verb in {Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT}:
        play.risk()
        play.ledger(Verb.HOLD)
    else:
        paid(play)
        subject = _part(play, verb)
    operation = play.find([verb], subject)
    doubted = replace(play.payment.operations[operation], status=status)
    play.there = replace(play.payment, operations={**play.payment.operations, operation: doubted})
    return play, operation


def _part(play: Play, verb: Verb) -> UUID | None:
    match verb:
        case Verb.CAPTURE:
            play.capture()
        case Verb.VOID:
            play.cancel()
        case Verb.REFUND:
            play.refund()
            (refund,) = play.payment.refunds
            play.ledger(Verb.HOLD, subject=refund)
            return refund
        case Verb.EVIDENCE:
            play.dispute()
            (dispute,) = play.payment.disputes
            play.ledger(Verb.HOLD, subject=dispute)
            play.submit_evidence(dispute)
            return dispute
        case _:
            raise AssertionError(verb)
    return None


def asked_of_others(step: Step) -> list[tuple[Verb, str | None, int, type[Message]]]:
    return [(o.verb, o.processor, o.amount, kind) for o, kind in step.asked]


def outcome_of(step: Step, operation: UUID) -> Operation:
    return step.operations[operation]


@pytest.mark.parametrize("status", DOUBTS)
@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_follows_is_what_follows_from_the_processors_word(
    verb: Verb, outcome: str, status: OperationStatus
) -> None:
    if (verb, outcome) == (Verb.VOID, "failed"):
        return
    word = ResultStatus.APPROVED if outcome == "succeeded" else ResultStatus.DECLINED
    by_processor, told = asked(verb, status)
    heard = by_processor.give(OperationResult(told, Result(word, "sbx_1")))
    by_hand, operation = asked(verb, status)
    settled = by_hand.wish(settlement(operation, outcome))
    assert isinstance(heard, Step)
    assert isinstance(settled, Step)
    assert by_hand.state is by_processor.state
    assert asked_of_others(settled) == asked_of_others(heard)
    assert outcome_of(settled, operation).status == outcome_of(heard, told).status == outcome
    stages = [[r.stage for r in play.payment.refunds.values()] for play in (by_hand, by_processor)]
    funds = [[(d.status, d.funds) for d in play.payment.disputes.values()] for play in (by_hand, by_processor)]
    assert (stages[0], funds[0]) == (stages[1], funds[1])
    assert [f.trigger for f in settled.facts] == ["operation_settled", *(f.trigger for f in heard.facts)]
    shown = settled.answers[-1].resource
    assert isinstance(shown, ProcessorOperation)
    assert (shown.id, shown.status.value, shown.amount, shown.currency) == (operation, outcome, AMOUNT, "EUR")
    assert shown.settlement
    assert (shown.settlement.note, shown.settlement.outcome) == ("Seen in the dashboard", outcome)
    assert bool(shown.refund) == (verb is Verb.REFUND)
    assert bool(shown.dispute) == (verb is Verb.EVIDENCE)


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
@pytest.mark.parametrize("word", list(ResultStatus))
@pytest.mark.parametrize("verb", VERBS)
def test_no_later_word_moves_anything(verb: Verb, word: ResultStatus, outcome: str) -> None:
    if (verb, outcome) == (Verb.VOID, "failed"):
        return
    play, operation = asked(verb)
    play.wish(settlement(operation, outcome))
    before = play.payment
    assert play.give(OperationResult(operation, Result(word, "sbx_2"))) is Ignored.UNKNOWN_OPERATION
    for again in ("succeeded", "failed"):
        assert _code(play.wish(settlement(operation, again))) == "processor_operation_not_in_doubt"
    assert play.payment is before


def _code(decision: object) -> str | None:
    return decision.code if isinstance(decision, Problem) else None


def test_a_failed_charge_is_not_given_to_the_next_processor() -> None:
    play, operation = asked(Verb.CHARGE)
    play.wish(settlement(operation, "failed"))
    assert play.state is State.REQUIRES_PAYMENT_METHOD
    assert play.payment.operations == {}
    assert play.intent.last_payment_error
    assert play.intent.last_payment_error.code == "processing_error"


@pytest.mark.parametrize("status", [s for s in OperationStatus if s not in DOUBTS])
def test_what_is_not_in_doubt_is_not_settled(status: OperationStatus) -> None:
    play, operation = asked(Verb.CHARGE, status)
    assert _code(play.wish(settlement(operation))) == "processor_operation_not_in_doubt"


def test_a_void_only_succeeds() -> None:
    play, operation = asked(Verb.VOID)
    assert _code(play.wish(settlement(operation, "failed"))) == "settlement_not_possible"
    assert play.state is State.RELEASING


@pytest.mark.parametrize("verb", [Verb.CHARGE, Verb.AUTHORISE])
def test_what_later_asks_go_by_must_be_known(verb: Verb) -> None:
    play, operation = asked(verb)
    assert _code(play.wish(settlement(operation, reference=None))) == "reference_required"
    known = replace(play.payment.operations[operation], reference="sbx_known")
    play.there = replace(play.payment, operations={operation: known})
    assert _code(play.wish(settlement(operation, reference="sbx_other"))) == "reference_not_possible"
    play.wish(settlement(operation, reference=None))
    assert play.intent.authorisation == "sbx_known"


def test_what_a_worker_may_be_asking_for_is_left_alone() -> None:
    """A charge that is sent again at this moment would come on top of the next one that the customer makes."""
    for ahead, code in [(-LEASE, "processor_operation_in_hand"), (LEASE, "processor_operation_in_hand"),
                        (LEASE + timedelta(seconds=1), None)]:  # fmt: skip
        play, operation = asked(Verb.CHARGE)
        taken = replace(play.payment.operations[operation], leased_by=new_id(), next_at=play.now + ahead)
        play.there = replace(play.payment, operations={operation: taken})
        assert _code(play.wish(settlement(operation, "failed"))) == code


def test_what_is_unknown_is_not_found() -> None:
    play = Play().create(**BY_CARD)
    play.there = None
    assert _code(play.wish(settlement(new_id()))) == "processor_operation_not_found"


F, S = OperationStatus.FAILED, OperationStatus.SUCCEEDED


@pytest.mark.parametrize("verb", VERBS)
def test_of_what_was_settled_by_hand_every_other_word_is_told(verb: Verb) -> None:
    told = {(o, w) for o in (F, S) for w in ResultStatus if contradicts(verb, o, w, by_hand=True)}
    assert told == {(F, ResultStatus.APPROVED), (S, ResultStatus.DECLINED), (S, ResultStatus.FAILED)}
    by_itself = {(o, w) for o in (F, S) for w in ResultStatus if contradicts(verb, o, w)}
    assert by_itself <= told
