"""Every cell of the transition table: state by trigger. A dash is refused for a command and ignored for the rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apps.payments.domain.advancing import Ignored, Signal, advance
from apps.payments.domain.confirming import Confirmation, confirm
from apps.payments.domain.intents import Attempt, Intent
from apps.payments.domain.opening import open_intent
from apps.payments.domain.payment_errors import RISK_TIMED_OUT
from apps.payments.domain.transitions import TRANSITIONS, State, Trigger, next_state, states_that_allow
from apps.payments.tests.building import PAYER, create
from contracts.ids import new_id
from contracts.message import Problem

TABLE = """
                         confirm    risk_approved  risk_declined            risk_timed_out           transfer_posted  transfer_refused
requires_confirmation    assessing  -              -                        -                        -                -
assessing                -          posting        requires_payment_method  requires_payment_method  -                -
posting                  -          -              -                        -                        succeeded        requires_payment_method
succeeded                -          -              -                        -                        -                -
requires_payment_method  assessing  -              -                        -                        -                -
"""  # noqa: E501
_TRIGGERS, *_ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (State(row[0]), Trigger(trigger), None if cell == "-" else State(cell))
    for row in _ROWS
    for trigger, cell in zip(_TRIGGERS, row[1:], strict=True)
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_table_above_is_whole() -> None:
    assert [State(row[0]) for row in _ROWS] == list(State)
    assert [Trigger(name) for name in _TRIGGERS] == list(Trigger)
    assert {(state, trigger): to for state, trigger, to in CELLS if to} == dict(TRANSITIONS)


@pytest.mark.parametrize(("state", "trigger", "expected"), CELLS)
def test_cell(state: State, trigger: Trigger, expected: State | None) -> None:
    assert next_state(state, trigger) is expected
    before = intent_in(state)
    after = confirmed(before) if trigger is Trigger.CONFIRM else signalled(before, trigger)
    if expected is None:
        assert not isinstance(after, Intent)
        refused_or_ignored(before, after)
    else:
        assert isinstance(after, Intent)
        assert after.state is expected
        assert (after.deadline_at is not None) == (expected is State.ASSESSING)
        assert (after.last_payment_error is not None) == (expected is State.REQUIRES_PAYMENT_METHOD)
        assert after.current.number == (2 if state is State.REQUIRES_PAYMENT_METHOD else 1)


def refused_or_ignored(before: Intent, result: Problem | Ignored) -> None:
    if isinstance(result, Problem):
        assert result.code == "payment_intent_unexpected_state"
        assert "requires_confirmation or requires_payment_method" in result.detail
    else:
        assert result is (Ignored.OUT_OF_STATE if before.attempt else Ignored.OTHER_ATTEMPT)


def test_confirmation_is_possible_before_the_first_attempt_and_after_a_failed_one() -> None:
    assert states_that_allow(Trigger.CONFIRM) == (State.REQUIRES_CONFIRMATION, State.REQUIRES_PAYMENT_METHOD)


def intent_in(state: State) -> Intent:
    intent = open_intent(create().data, NOW)
    assert isinstance(intent, Intent)
    if state is State.REQUIRES_CONFIRMATION:
        return intent
    return replace(
        intent,
        state=state,
        attempt=Attempt(1, new_id(), new_id(), "{}"),
        last_payment_error=RISK_TIMED_OUT if state is State.REQUIRES_PAYMENT_METHOD else None,
        deadline_at=NOW if state is State.ASSESSING else None,
    )


def confirmed(intent: Intent) -> Intent | Problem:
    wish = Confirmation(intent.id, PAYER, new_id(), new_id(), "{}", NOW + timedelta(seconds=60))
    return confirm(intent, wish, NOW)


def signalled(intent: Intent, trigger: Trigger) -> Intent | Ignored:
    about_the_transfer = trigger in {Trigger.TRANSFER_POSTED, Trigger.TRANSFER_REFUSED}
    subject = new_id()
    if intent.attempt:
        subject = intent.attempt.transfer_id if about_the_transfer else intent.attempt.assessment_id
    failed = trigger in {Trigger.RISK_DECLINED, Trigger.RISK_TIMED_OUT, Trigger.TRANSFER_REFUSED}
    return advance(intent, Signal(intent.id, trigger, subject, RISK_TIMED_OUT if failed else None), NOW)
