"""Ends that come another way than planned: whatever happens, a payment does not wait for ever for what nobody says."""

from datetime import timedelta

import pytest

from apps.payments.domain.operations import OperationStatus
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.refunds import Stage
from apps.payments.domain.signals import OperationResult
from apps.payments.domain.transitions import State
from apps.payments.tests.play import AMOUNT, BY_CARD, MANUAL, NO, PAYOUT, Play, paid
from contracts.message import Problem
from contracts.payments import DisputeFunds


def _authorising(play: Play) -> Play:
    play.create(**BY_CARD | MANUAL)
    play.risk()
    assert play.state is State.AUTHORISING
    return play


def test_what_was_declined_keeps_the_processors_name_for_it() -> None:
    play = _authorising(Play())
    operation = play.find([Verb.AUTHORISE])
    play.give(OperationResult(operation, Result(ResultStatus.DECLINED, "sbx_declined", NO)))
    declined = play.operations[operation]
    assert (declined.status, declined.reference) == (OperationStatus.FAILED, "sbx_declined")


@pytest.mark.parametrize("expires", [False, True])
def test_what_no_processor_has_a_name_for_needs_no_void(expires: bool) -> None:
    play = _authorising(Play())
    action = Result(ResultStatus.REQUIRES_ACTION, None, None, "https://bank.example/3ds")
    play.give(OperationResult(play.find([Verb.AUTHORISE]), action))
    assert play.facts[-1].state is State.AWAITING_ACTION
    if expires:
        play.wait(timedelta(days=1))
    else:
        play.cancel()
    assert play.state is State.CANCELED
    assert not play.payment.operations


FROZEN = Problem(code="debit_account_frozen", detail="Frozen.")


def _paid_out(play: Play) -> Play:
    play.create(**PAYOUT)
    play.risk()
    play.ledger(Verb.HOLD)
    play.processor(ResultStatus.APPROVED, Verb.PAYOUT)
    assert play.state is State.POSTING
    return play


def test_a_payout_from_a_wallet_that_was_frozen_meanwhile_is_taken_from_its_hold_later() -> None:
    """On the suspense account it would be ours, and the hold would end and give the wallet its money back."""
    play = _paid_out(Play())
    [refused] = play.payment.operations.values()
    play.ledger(Verb.CAPTURE_HOLD, problem=FROZEN)
    [again] = play.payment.operations.values()
    assert (again.verb, again.amount, again.id != refused.id) == (Verb.CAPTURE_HOLD, refused.amount, True)
    assert again.next_at
    assert again.next_at > play.now
    assert again.details["hold_id"] == refused.details["hold_id"]
    assert play.intent.current.transfer_id == again.id
    play.ledger(Verb.CAPTURE_HOLD)
    assert play.facts[-1].state is State.SUCCEEDED


def test_a_refund_of_a_merchant_who_was_frozen_meanwhile_is_taken_from_its_hold_later() -> None:
    play = paid(Play().create(**BY_CARD))
    play.refund(AMOUNT)
    [refund] = play.payment.refunds
    play.ledger(Verb.HOLD, subject=refund)
    play.processor(ResultStatus.APPROVED, Verb.REFUND, subject=refund)
    play.ledger(Verb.CAPTURE_HOLD, subject=refund, problem=FROZEN)
    assert [o.verb for o in play.payment.operations.values()] == [Verb.CAPTURE_HOLD]
    play.ledger(Verb.CAPTURE_HOLD, subject=refund)
    assert play.payment.refunds[refund].stage is Stage.SUCCEEDED


def test_a_lost_dispute_of_a_merchant_who_was_frozen_meanwhile_is_taken_from_its_hold_later() -> None:
    play = paid(Play().create(**BY_CARD))
    play.dispute()
    [dispute] = play.payment.disputes
    play.ledger(Verb.HOLD, subject=dispute)
    play.dispute("lost")
    play.ledger(Verb.CAPTURE_HOLD, subject=dispute, problem=FROZEN)
    assert [o.verb for o in play.payment.operations.values()] == [Verb.CAPTURE_HOLD]
    play.ledger(Verb.CAPTURE_HOLD, subject=dispute)
    assert play.payment.disputes[dispute].funds is DisputeFunds.TAKEN
