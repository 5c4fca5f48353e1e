"""Ends that come another way than planned: whatever happens, a payment does not wait for ever for what nobody says."""

from datetime import timedelta

import pytest

from apps.payments.domain.operations import OperationStatus
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult
from apps.payments.domain.transitions import State
from apps.payments.tests.play import BY_CARD, MANUAL, NO, Play


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
