"""The pure rules: refusals in their order, whose payment it is, and that the size of batches never matters."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.deciding import Ignored, Payment, Step, Terms, decide
from apps.payments.domain.payment_errors import declined_by_risk, refused_by_ledger
from apps.payments.domain.processing import ResultStatus, Verb
from apps.payments.domain.public_view import public_view
from apps.payments.domain.routing import Routing
from apps.payments.domain.signals import LedgerResult, OperationResult, RiskWord, Signal, Wish
from apps.payments.domain.transitions import State, Trigger, states_that_allow
from apps.payments.tests.building import MINE, PAYER, SHOP, THEIRS, key
from apps.payments.tests.play import (
    BY_CARD,
    CARD,
    MANUAL,
    NO,
    NOW,
    PAYOUT,
    POSTS,
    TOP_UP,
    WALLET,
    Play,
    creation,
    paid,
)
from apps.payments.tests.room import TERMS
from contracts.ids import new_id
from contracts.message import Outcome, Problem
from contracts.payments import (
    CancelPaymentIntent,
    ConfirmPaymentIntent,
    PaymentIntent,
    PaymentOperation,
    PaymentStatus,
    WalletMethod,
)
from contracts.risk import FiredRule, RiskDecision, RiskOutcome, RuleAction

T = TypeVar("T")


def code(decision: object) -> str | None:
    return decision.code if isinstance(decision, Problem) else None


BY_WALLET = {"payment_method": WalletMethod(wallet=MINE), "destination_wallet": THEIRS}
IMPOSSIBLE: list[tuple[dict[str, Any], str, str | None]] = [
    # what is asked for                                    refused with                   about
    (PAYOUT | {"source_wallet": None}, "source_required", "source_wallet"),
    (PAYOUT | {"destination_wallet": THEIRS}, "wallet_not_possible", "destination_wallet"),
    (WALLET | {"destination_wallet": None}, "destination_required", "destination_wallet"),
    (BY_CARD | {"source_wallet": MINE}, "wallet_not_possible", "source_wallet"),
    (TOP_UP | {"source_wallet": THEIRS}, "wallet_not_possible", "source_wallet"),
    (BY_WALLET | {"source_wallet": SHOP}, "wallet_not_possible", "source_wallet"),
    (WALLET | {"destination_wallet": MINE}, "same_wallet", "destination_wallet"),
    (TOP_UP | {"payment_method": WalletMethod(wallet=THEIRS)}, "payment_method_not_possible", "payment_method"),
    (PAYOUT | {"payment_method": CARD}, "payment_method_not_possible", "payment_method"),
    (PAYOUT | MANUAL, "capture_method_not_possible", "capture_method"),
    (PAYOUT | {"application_fee": 1}, "application_fee_not_possible", "application_fee"),
    (WALLET | MANUAL | {"application_fee": 1}, "application_fee_not_possible", "application_fee"),
    (BY_CARD | {"application_fee": 1000}, "application_fee_not_possible", "application_fee"),
    ({"destination_wallet": THEIRS}, "payment_method_required", "payment_method"),
]


@pytest.mark.parametrize(("asked", "expected", "parameter"), IMPOSSIBLE)
def test_an_impossible_payment_is_refused(asked: dict[str, Any], expected: str, parameter: str | None) -> None:
    problem = Play().wish(creation(**asked))
    assert isinstance(problem, Problem)
    assert (problem.code, problem.parameter) == (expected, parameter)


@pytest.mark.parametrize("asked", [WALLET, BY_WALLET, WALLET | MANUAL, BY_CARD, BY_CARD | MANUAL, TOP_UP, PAYOUT])
def test_a_possible_payment_comes_to_its_end(asked: dict[str, Any]) -> None:
    play = paid(Play().create(**asked))
    assert play.state is (State.REQUIRES_CAPTURE if asked.get("capture_method") else State.SUCCEEDED)
    shown = public_view(play.intent)
    assert PaymentIntent.model_validate_json(shown.model_dump_json()) == shown


def test_money_of_ones_own_has_no_merchant_but_oneself() -> None:
    assert Play().create(**TOP_UP).intent.merchant == PAYER
    assert Play().create(**PAYOUT).intent.merchant == PAYER
    assert Play().create(**BY_CARD).intent.merchant == SHOP


def test_a_payment_that_no_processor_takes_is_refused() -> None:
    nobody = Play(Terms(Routing([], {})))
    assert code(nobody.wish(creation(**BY_CARD))) == "payment_method_not_possible"


def test_refusals_of_a_confirmation_in_their_order() -> None:
    play = Play().create(**WALLET)
    stranger = ConfirmPaymentIntent(payment_intent_id=play.intent.id, customer=SHOP, idempotency=key())
    assert code(play.wish(stranger)) == "payment_intent_not_found"  # whose it is comes before how it is
    refusal = play.confirm()
    assert isinstance(refusal, Problem)
    assert refusal.code == "payment_intent_unexpected_state"
    assert "is processing; only one that is requires_payment_method or requires_confirmation" in refusal.detail
    assert code(Play().wish(stranger)) == "payment_intent_not_found"


def test_confirmation_is_possible_before_the_first_attempt_and_after_a_failed_one() -> None:
    allowed = (PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.REQUIRES_CONFIRMATION)
    assert states_that_allow(Trigger.CONFIRM) == allowed


def test_an_attempt_goes_by_fresh_ids_and_clears_the_last_error() -> None:
    play = Play().create(**WALLET)
    first = play.intent.current
    play.risk(RiskOutcome.DECLINE)
    assert play.intent.last_payment_error == NO
    play.confirm()
    again: tuple[int, Problem | None] = (play.intent.current.number, play.intent.last_payment_error)
    assert again == (2, None)
    assert play.intent.current.assessment_id != first.assessment_id


def test_a_declined_card_may_be_followed_by_a_wallet() -> None:
    play = Play().create(**BY_CARD)
    play.risk(RiskOutcome.DECLINE)
    play.confirm(payment_method=WalletMethod(wallet=MINE))
    assert paid(play).state is State.SUCCEEDED
    assert (play.intent.source_wallet, play.intent.processor) == (MINE, None)


def test_an_update_changes_what_it_names_and_asks_for_a_confirmation_again() -> None:
    play = Play().create(destination_wallet=THEIRS, confirm=False, metadata={"order": "1"}, description="Tea")
    assert play.state is State.REQUIRES_PAYMENT_METHOD
    play.update(amount=5, metadata={"order": "2"}, payment_method=CARD)
    intent = play.intent
    assert (play.state, intent.amount, intent.metadata, intent.description) == (
        State.REQUIRES_CONFIRMATION,
        5,
        {"order": "2"},
        "Tea",
    )
    assert code(play.update(application_fee=5)) == "application_fee_not_possible"
    assert play.answers[-1].outcome is Outcome.COMPLETED


def test_what_is_said_about_another_attempt_is_ignored() -> None:
    play = Play().create(**WALLET)
    assert play.give(RiskWord(play.intent.id, new_id(), RiskOutcome.APPROVE)) is Ignored.OTHER_ATTEMPT
    assert play.give(LedgerResult(new_id())) is Ignored.UNKNOWN_OPERATION
    assert Play().give(RiskWord(new_id(), new_id(), RiskOutcome.APPROVE)) is Ignored.UNKNOWN_INTENT


def test_a_result_for_something_else_is_not_ours() -> None:
    play = Play().create(**WALLET)
    play.risk()
    asked = play.find(POSTS)
    assert play.give(LedgerResult(asked, None, new_id())) is Ignored.UNKNOWN_OPERATION
    assert isinstance(play.give(LedgerResult(asked, None, play.intent.id)), Step)


def test_a_payment_under_review_waits_for_an_analyst() -> None:
    play = Play().create(**WALLET)
    play.risk(RiskOutcome.REVIEW)
    shown = public_view(play.intent)
    assert shown.next_action is not None
    assert (shown.status, shown.next_action.type) == ("requires_action", "risk_review")
    assert play.answers[-1].outcome is Outcome.COMPLETED
    play.risk(RiskOutcome.APPROVE)
    assert (play.state, play.intent.next_action) == (State.POSTING, None)


def test_nobody_waits_without_an_end() -> None:
    play = Play().create(**WALLET, confirm=False)
    assert play.wait(timedelta(days=29)) is Ignored.NOT_DUE
    play.wait(timedelta(days=1))
    assert (play.state, play.intent.cancellation_reason) == (State.CANCELED, "abandoned")


def test_the_transfer_is_shown_once_it_is_in_the_ledger() -> None:
    play = Play().create(**WALLET)
    play.risk()
    assert public_view(play.intent).transfer_id is None
    asked = play.find(POSTS)
    play.ledger(*POSTS)
    assert public_view(play.intent).transfer_id == asked


@pytest.mark.parametrize("captured", [0, 300])
def test_what_is_canceled_after_a_capture_has_succeeded(captured: int) -> None:
    play = paid(Play().create(**BY_CARD, **MANUAL))
    if captured:
        play.capture(captured, final=False)
        play.processor(ResultStatus.APPROVED, Verb.CAPTURE)
        play.ledger(*POSTS)
    play.cancel()
    play.processor(ResultStatus.APPROVED, Verb.VOID)
    assert play.state is (State.SUCCEEDED if captured else State.CANCELED)
    assert public_view(play.intent).amount_capturable == 0


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (lambda: Play().create(**WALLET, confirm=False), {"update", "confirm", "cancel"}),
        (lambda: Play().create(**WALLET), set()),
        (lambda: paid(Play().create(**WALLET, **MANUAL)), {"capture", "cancel"}),
        (lambda: paid(Play().create(**WALLET)), {"refund"}),
        (lambda: paid(Play().create(**PAYOUT)), set()),
    ],
)
def test_a_response_says_what_may_be_asked_next(path: Any, allowed: set[str]) -> None:
    assert {PaymentOperation(name) for name in allowed} == set(public_view(path().intent).allowed_operations)


WORDS = st.lists(st.tuples(st.sampled_from(RiskOutcome), st.booleans()), max_size=6)


@given(WORDS)
def test_a_decision_takes_the_place_of_waiting_only(
    words: list[tuple[RiskOutcome, bool]],
) -> None:
    """In any order and repetition of answers by policy, decisions and analysts' decisions."""
    play = Play().create(**WALLET)
    assessment, stands = play.intent.current.assessment_id, None
    for outcome, degraded in words:
        heard = play.give(RiskWord(play.intent.id, assessment, outcome, degraded=degraded))
        waits = stands is RiskOutcome.REVIEW
        counts = stands is None or (waits and not degraded and outcome is not RiskOutcome.REVIEW)
        assert (heard is Ignored.OUT_OF_STATE) is not counts
        stands = outcome if counts else stands
    expected = {
        None: State.ASSESSING,
        RiskOutcome.REVIEW: State.IN_REVIEW,
        RiskOutcome.APPROVE: State.POSTING,
        RiskOutcome.DECLINE: State.REQUIRES_PAYMENT_METHOD,
    }
    assert play.intent.state is expected[stands]


def declined(*rules: FiredRule, **more: Any) -> RiskDecision:
    return RiskDecision.model_construct(outcome=RiskOutcome.DECLINE, rules=list(rules), **more)


def test_a_decline_names_the_first_reasons() -> None:
    problem = declined_by_risk(declined(*(FiredRule(name=f"rule_{n}", reason=f"Reason {n}.") for n in range(7))))
    assert problem.code == "payment_declined"
    assert "Reason 0. Reason 1." in problem.detail
    assert "Reason 5" not in problem.detail
    assert "no reason was given" in declined_by_risk(declined()).detail


def test_a_decline_names_only_what_blocks() -> None:
    rules = [FiredRule(name=a.value, reason=f"By {a.value}.", action=a) for a in RuleAction]
    problem = declined_by_risk(declined(*rules, score=100, reason_codes=("velocity",), approvable_amount=12_000))
    assert problem.detail == "The risk check declined this payment: By block."
    assert (problem.code, problem.reason_codes) == ("payment_declined", ("velocity",))
    assert problem.approvable_amount == 12_000
    assert "too doubtful" in declined_by_risk(declined(rules[-1], score=90)).detail
    assert "could not be checked in time" in declined_by_risk(declined(degraded=True)).detail


def test_what_the_payer_can_cure_by_logging_in_has_a_code_of_its_own() -> None:
    rules = [FiredRule(name=a.value, reason=f"By {a.value}.", action=a) for a in RuleAction]
    problem = declined_by_risk(declined(*rules, step_up=True, score=20))
    assert problem.code == "authentication_required"
    assert problem.detail == "Log in again to make this payment: By step_up."


def test_before_rules_had_actions_a_name_told_what_can_be_cured() -> None:
    rules = [FiredRule(name=name, reason=f"By {name}.") for name in ("authentication_required", "large_amount")]
    problem = declined_by_risk(declined(*rules))
    assert problem.code == "authentication_required"
    assert "By authentication_required." in problem.detail


@pytest.mark.parametrize(
    ("ledger_code", "expected", "parameter"),
    [
        ("insufficient_funds", "insufficient_funds", "source_wallet"),
        ("debit_account_not_found", "wallet_not_found", "source_wallet"),
        ("credit_account_not_found", "wallet_not_found", "destination_wallet"),
        ("currency_mismatch", "currency_mismatch", "currency"),
        ("balance_overflow", "balance_overflow", None),
    ],
)
def test_the_ledgers_refusals_in_the_customers_terms(ledger_code: str, expected: str, parameter: str | None) -> None:
    problem = refused_by_ledger(Problem(code=ledger_code, detail="as the ledger says it", parameter="debit_account"))
    assert (problem.code, problem.parameter) == (expected, parameter)


def begun() -> list[Payment]:
    """Payments at several points, which signals may be about."""
    plays = [Play().create(**kind) for kind in (WALLET, WALLET, BY_CARD, WALLET | MANUAL)]
    plays[1].risk()
    plays[2].risk()
    return [play.payment for play in plays]


PAYMENTS = {payment.intent.id: payment for payment in begun()}


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    payment = PAYMENTS[draw(st.sampled_from(list(PAYMENTS)))]
    operation = next(iter(payment.operations), payment.intent.id)
    problem = draw(st.sampled_from([None, NO]))
    intent = payment.intent
    match draw(st.integers(0, 3)):
        case 0:
            assessment = draw(st.sampled_from([intent.current.assessment_id, PAYER]))
            return RiskWord(intent.id, assessment, draw(st.sampled_from(RiskOutcome)), problem)
        case 1:
            return LedgerResult(operation, problem)
        case 2:
            return Wish(CancelPaymentIntent(payment_intent_id=intent.id, asked_by=PAYER, idempotency=key()), "cancel")
        case _:
            return Wish(ConfirmPaymentIntent(payment_intent_id=intent.id, customer=PAYER, idempotency=key()), "confirm")


def in_pieces(items: Sequence[T], cuts: list[int]) -> list[Sequence[T]]:
    edges = [0, *sorted(cut % (len(items) + 1) for cut in cuts), len(items)]
    return [items[start:end] for start, end in pairwise(edges)]


def states_after(pieces: Sequence[Sequence[Signal]]) -> tuple[dict[UUID, State], list[str]]:
    current, kinds = dict(PAYMENTS), []
    for piece in pieces:
        for signal in piece:
            about = _intent_of(signal, current)
            decision = decide(current.get(about), signal, TERMS, NOW)
            if isinstance(decision, Step):
                current[about] = decision.payment
            kinds.append(type(decision).__name__)
    return {identifier: payment.intent.state for identifier, payment in current.items()}, kinds


def _intent_of(signal: Signal, current: dict[UUID, Payment]) -> UUID:
    if isinstance(signal, LedgerResult | OperationResult):
        having = (i for i, payment in current.items() if signal.operation_id in payment.operations)
        return next(having, signal.operation_id)
    return signal.command.payment_intent_id if isinstance(signal, Wish) else signal.intent_id  # type: ignore[union-attr]


@given(st.lists(signals(), max_size=30), st.lists(st.integers(min_value=0), max_size=6))
def test_signals_split_anyhow_give_the_same_result(stream: list[Signal], cuts: list[int]) -> None:
    assert states_after(in_pieces(stream, cuts)) == states_after([stream])


@given(st.lists(signals(), max_size=30))
def test_words_delivered_twice_change_nothing_the_second_time(stream: list[Signal]) -> None:
    words = [signal for signal in stream if not isinstance(signal, Wish | RiskWord)]
    once, _ = states_after([words])
    assert states_after([words, words])[0] == once
