"""The pure rules: refusals in their order, and that the size of batches never matters."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.advancing import Ignored, Signal, advance, advance_all
from apps.payments.domain.confirming import Confirmation, confirm, confirm_all
from apps.payments.domain.intents import Intent
from apps.payments.domain.opening import SAME_WALLET, open_intent
from apps.payments.domain.payment_errors import RISK_TIMED_OUT, declined_by_risk, refused_by_ledger
from apps.payments.domain.public_view import public_status, public_view
from apps.payments.domain.transitions import State, Trigger
from apps.payments.tests.building import MINE, PAYER, SHOP, create
from contracts.ids import new_id
from contracts.message import Problem
from contracts.payments import PaymentIntent, PaymentStatus
from contracts.risk import FiredRule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
T = TypeVar("T")


def opened() -> Intent:
    intent = open_intent(create().data, NOW)
    assert isinstance(intent, Intent)
    return intent


def wish(intent_id: UUID, customer: UUID = PAYER) -> Confirmation:
    return Confirmation(intent_id, customer, new_id(), new_id(), "{}", LATER)


def assessed() -> Intent:
    intent = confirm(start := opened(), wish(start.id), NOW)
    assert isinstance(intent, Intent)
    return intent


def test_a_wallet_cannot_pay_itself() -> None:
    assert open_intent(create(destination=MINE).data, NOW) == SAME_WALLET


@pytest.mark.parametrize(
    ("intent", "customer", "code"),
    [
        (None, PAYER, "payment_intent_not_found"),
        (opened(), SHOP, "payment_intent_not_found"),
        (assessed(), SHOP, "payment_intent_not_found"),  # whose it is comes before how it is
        (assessed(), PAYER, "payment_intent_unexpected_state"),
    ],
)
def test_a_confirmation_is_refused(intent: Intent | None, customer: UUID, code: str) -> None:
    result = confirm(intent, wish(intent.id if intent else new_id(), customer), NOW)
    assert isinstance(result, Problem)
    assert result.code == code


def test_a_refused_confirmation_names_the_public_status() -> None:
    result = confirm(intent := assessed(), wish(intent.id), NOW)
    assert isinstance(result, Problem)
    assert "is processing;" in result.detail


def test_an_attempt_goes_by_fresh_ids_and_clears_the_last_error() -> None:
    first = assessed()
    failed = advance(first, Signal(first.id, Trigger.RISK_TIMED_OUT, first.current.assessment_id, RISK_TIMED_OUT), NOW)
    assert isinstance(failed, Intent)
    second = confirm(failed, wish(first.id), NOW)
    assert isinstance(second, Intent)
    assert second.current.number == 2
    assert second.last_payment_error is None
    assert second.current.assessment_id != first.current.assessment_id
    assert second.current.transfer_id != first.current.transfer_id


def test_what_is_said_about_another_attempt_is_ignored() -> None:
    intent = assessed()
    for trigger in Trigger:
        assert advance(intent, Signal(intent.id, trigger, new_id()), NOW) is Ignored.OTHER_ATTEMPT
    assert advance(None, Signal(intent.id, Trigger.RISK_APPROVED, new_id()), NOW) is Ignored.UNKNOWN_INTENT


def test_the_transfer_is_shown_only_once_it_is_in_the_ledger() -> None:
    intent = assessed()
    posting = advance(intent, Signal(intent.id, Trigger.RISK_APPROVED, intent.current.assessment_id), NOW)
    assert isinstance(posting, Intent)
    assert public_view(posting).transfer_id is None
    paid = advance(posting, Signal(intent.id, Trigger.TRANSFER_POSTED, intent.current.transfer_id), NOW)
    assert isinstance(paid, Intent)
    assert public_view(paid).transfer_id == intent.current.transfer_id


def test_every_state_has_a_public_status_and_the_view_is_a_valid_message() -> None:
    assert {public_status(state) for state in State} == set(PaymentStatus)
    view = public_view(assessed())
    assert PaymentIntent.model_validate_json(view.model_dump_json()) == view


def test_a_decline_names_the_first_reasons() -> None:
    rules = [FiredRule(name=f"rule_{n}", reason=f"Reason {n}.") for n in range(7)]
    problem = declined_by_risk(rules)
    assert problem.code == "payment_declined"
    assert "Reason 0. Reason 1." in problem.detail
    assert "Reason 5" not in problem.detail
    assert "no reason was given" in declined_by_risk([]).detail


@pytest.mark.parametrize(
    ("ledger_code", "code", "parameter"),
    [
        ("insufficient_funds", "insufficient_funds", "source_wallet"),
        ("debit_account_not_found", "wallet_not_found", "source_wallet"),
        ("credit_account_not_found", "wallet_not_found", "destination_wallet"),
        ("currency_mismatch", "currency_mismatch", "currency"),
        ("balance_overflow", "balance_overflow", None),
    ],
)
def test_the_ledgers_refusals_in_the_customers_terms(ledger_code: str, code: str, parameter: str | None) -> None:
    problem = refused_by_ledger(Problem(code=ledger_code, detail="as the ledger says it", parameter="debit_account"))
    assert (problem.code, problem.parameter) == (code, parameter)


ATTEMPTS = [assessed() for _ in range(3)]
INTENTS = {intent.id: intent for intent in ATTEMPTS}
ERRORS = {Trigger.RISK_DECLINED, Trigger.RISK_TIMED_OUT, Trigger.TRANSFER_REFUSED}


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    intent = draw(st.sampled_from(ATTEMPTS))
    trigger = draw(st.sampled_from([t for t in Trigger if t is not Trigger.CONFIRM]))
    subject = draw(st.sampled_from([intent.current.assessment_id, intent.current.transfer_id, PAYER]))
    return Signal(intent.id, trigger, subject, RISK_TIMED_OUT if trigger in ERRORS else None)


def in_pieces(items: Sequence[T], cuts: list[int]) -> list[Sequence[T]]:
    edges = [0, *sorted(cut % (len(items) + 1) for cut in cuts), len(items)]
    return [items[start:end] for start, end in pairwise(edges)]


@given(st.lists(signals(), max_size=30), st.lists(st.integers(min_value=0), max_size=6))
def test_signals_split_anyhow_give_the_same_result(stream: list[Signal], cuts: list[int]) -> None:
    current, results = dict(INTENTS), []
    for piece in in_pieces(stream, cuts):
        partial = advance_all(current, piece, NOW)
        current |= {result.id: result for result in partial if isinstance(result, Intent)}
        results += partial
    assert results == advance_all(INTENTS, stream, NOW)


@given(st.lists(signals(), max_size=30))
def test_signals_delivered_twice_give_the_same_intents(stream: list[Signal]) -> None:
    once, twice = advance_all(INTENTS, stream, NOW), advance_all(INTENTS, [*stream, *stream], NOW)
    final = {result.id: result for result in once if isinstance(result, Intent)}
    settled = {i: s for i, s in final.items() if s.state in {State.SUCCEEDED, State.REQUIRES_PAYMENT_METHOD}}
    repeated = {result.id: result for result in twice if isinstance(result, Intent)}
    assert {identifier: repeated[identifier] for identifier in settled} == settled


@given(st.lists(signals(), max_size=30))
def test_an_attempt_ends_at_most_once(stream: list[Signal]) -> None:
    ends = [r for r in advance_all(INTENTS, stream, NOW) if isinstance(r, Intent) and r.state is not State.POSTING]
    assert len({intent.id for intent in ends}) == len(ends)


@given(
    st.lists(st.sampled_from([*[opened().id for _ in range(2)], *INTENTS]), max_size=12),
    st.lists(st.integers(0), max_size=4),
)
def test_confirmations_split_anyhow_give_the_same_result(ids: list[UUID], cuts: list[int]) -> None:
    fresh = {intent.id: intent for intent in (opened(), opened())}
    wishes = [wish(identifier) for identifier in [*ids, *fresh, *fresh]]
    start = INTENTS | fresh
    current, results = dict(start), []
    for piece in in_pieces(wishes, cuts):
        partial = confirm_all(current, piece, NOW)
        current |= {result.id: result for result in partial if isinstance(result, Intent)}
        results += partial
    assert results == confirm_all(start, wishes, NOW)
    assert sum(isinstance(result, Intent) for result in results) == 2
