"""Every cell of the transition table, state by trigger, on the machine itself: what is in it happens, nothing else."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import pytest

from apps.payments.domain.deciding import Ignored, Step
from apps.payments.domain.processing import ResultStatus, Verb
from apps.payments.domain.transitions import TRANSITIONS, State, Trigger, operations_of, public_status
from apps.payments.tests.play import BY_CARD, MANUAL, NO, PAYOUT, POSTS, TOP_UP, WALLET, Play, paid
from contracts.message import Problem
from contracts.payments import PaymentOperation, PaymentStatus
from contracts.risk import RiskOutcome

YES, DECLINED, FAILED = ResultStatus.APPROVED, ResultStatus.DECLINED, ResultStatus.FAILED
STARTS = (Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT)
LONG = timedelta(days=60)


def gone(problem: str) -> Problem:
    return Problem(code=problem, detail="It is over.")


GIVEN: Mapping[Trigger, list[Callable[[Play], object]]] = {
    Trigger.UPDATE: [
        lambda p: p.update(description="new"),
        lambda p: p.update(payment_method=BY_CARD["payment_method"]),
    ],
    Trigger.CONFIRM: [lambda p: p.confirm()],
    Trigger.CAPTURE: [lambda p: p.capture(), lambda p: p.capture(300, final=False)],
    Trigger.CANCEL: [lambda p: p.cancel()],
    Trigger.REFUND: [lambda p: p.refund(100)],
    Trigger.RISK_APPROVED: [lambda p: p.risk()],
    Trigger.RISK_DECLINED: [lambda p: p.risk(RiskOutcome.DECLINE)],
    Trigger.RISK_REVIEWS: [lambda p: p.risk(RiskOutcome.REVIEW)],
    Trigger.RISK_TIMED_OUT: [lambda p: p.wait(LONG)],
    Trigger.HELD: [lambda p: p.ledger(Verb.HOLD)],
    Trigger.HOLD_REFUSED: [lambda p: p.ledger(Verb.HOLD, problem=NO)],
    Trigger.POSTED: [lambda p: p.ledger(*POSTS)],
    Trigger.POST_REFUSED: [
        lambda p: p.ledger(*POSTS, problem=NO),
        lambda p: p.ledger(*POSTS, problem=gone("hold_expired")),
    ],
    Trigger.RELEASED: [
        lambda p: p.ledger(Verb.VOID_HOLD),
        lambda p: p.ledger(Verb.VOID_HOLD, problem=gone("hold_expired")),
        lambda p: p.processor(YES, Verb.VOID),
    ],
    Trigger.AUTHORISED: [lambda p: p.processor(YES, Verb.AUTHORISE)],
    Trigger.CHARGED: [lambda p: p.processor(YES, Verb.CHARGE, Verb.PAYOUT)],
    Trigger.ACTION_REQUIRED: [lambda p: p.processor(ResultStatus.REQUIRES_ACTION, *STARTS)],
    Trigger.ACTION_TAKEN: [lambda p: p.processor(ResultStatus.PENDING, *STARTS)],
    Trigger.DECLINED: [lambda p: p.processor(DECLINED, *STARTS, problem=NO)],
    Trigger.FELL_OVER: [lambda p: p.processor(FAILED, *STARTS)],
    Trigger.CAPTURED: [lambda p: p.processor(YES, Verb.CAPTURE)],
    Trigger.CAPTURE_DECLINED: [lambda p: p.processor(DECLINED, Verb.CAPTURE, problem=NO)],
    Trigger.EXPIRED: [lambda p: p.wait(LONG)],
}
"""How each trigger is brought about: by the signals that may fire it."""

Path = Callable[[], Play]


def unconfirmed(**kind: object) -> Play:
    return Play().create(**kind, confirm=False)


def assessing(**kind: object) -> Play:
    return Play().create(**kind)


def declined(**kind: object) -> Play:
    play = Play().create(**kind)
    play.risk(RiskOutcome.DECLINE)
    return play


def reviewed(**kind: object) -> Play:
    play = Play().create(**kind)
    play.risk(RiskOutcome.REVIEW)
    return play


def approved(**kind: object) -> Play:
    play = Play().create(**kind)
    play.risk()
    return play


def held(**kind: object) -> Play:
    play = approved(**kind)
    play.ledger(Verb.HOLD)
    return play


def acting(**kind: object) -> Play:
    play = approved(**kind)
    play.processor(ResultStatus.REQUIRES_ACTION, *STARTS)
    return play


def acted(**kind: object) -> Play:
    """The customer has done their part, and the processor is not done yet."""
    play = acting(**kind)
    play.processor(ResultStatus.PENDING, *STARTS)
    return play


def charged(**kind: object) -> Play:
    play = held(**kind)
    play.processor(YES, *STARTS)
    return play


def done(**kind: object) -> Play:
    """Captured, or waiting to be."""
    return paid(Play().create(**kind))


def capturing(play: Play, amount: int | None = None, *, final: bool = True) -> Play:
    assert isinstance(play.capture(amount, final=final), Step)
    return play


def posting_all(**kind: object) -> Play:
    play = capturing(done(**kind))
    play.processor(YES, Verb.CAPTURE)
    return play


def posting_part(**kind: object) -> Play:
    play = capturing(done(**kind), 300, final=False)
    play.processor(YES, Verb.CAPTURE)
    return play


def partly(**kind: object) -> Play:
    """Captured in part, with the rest still to be captured."""
    play = posting_part(**kind)
    play.ledger(*POSTS)
    return play


def canceling(path: Path) -> Play:
    play = path()
    assert isinstance(play.cancel(), Step)
    return play


def declined_payout() -> Play:
    play = held(**PAYOUT)
    play.processor(DECLINED, Verb.PAYOUT, problem=NO)
    return play


BY_HAND, CARD_BY_HAND = WALLET | MANUAL, BY_CARD | MANUAL
MANUALS = (BY_HAND, CARD_BY_HAND)
KINDS = (WALLET, BY_HAND, BY_CARD, CARD_BY_HAND, TOP_UP, PAYOUT)


def each(way: Callable[..., Play], kinds: Sequence[Mapping[str, object]]) -> list[Path]:
    return [partial(way, **kind) for kind in kinds]


NO_METHOD = {"destination_wallet": WALLET["destination_wallet"]}
PATHS: Mapping[State, list[Path]] = {
    State.REQUIRES_PAYMENT_METHOD: [partial(unconfirmed, **NO_METHOD), *each(declined, KINDS)],
    State.REQUIRES_CONFIRMATION: each(unconfirmed, KINDS),
    State.ASSESSING: each(assessing, KINDS),
    State.IN_REVIEW: each(reviewed, KINDS),
    State.RESERVING: each(approved, (BY_HAND, PAYOUT)),
    State.AUTHORISING: each(held, (BY_CARD, CARD_BY_HAND, PAYOUT)) + each(acted, (BY_CARD, CARD_BY_HAND)),
    State.AWAITING_ACTION: each(acting, (BY_CARD, CARD_BY_HAND)),
    State.REQUIRES_CAPTURE: each(done, MANUALS) + each(partly, MANUALS),
    State.CAPTURING: [
        lambda: capturing(done(**CARD_BY_HAND)),
        lambda: capturing(partly(**CARD_BY_HAND), 100, final=False),
    ],
    State.POSTING: [
        partial(approved, **WALLET),
        *each(charged, (BY_CARD, PAYOUT)),
        *each(posting_all, MANUALS),
        *each(posting_part, MANUALS),
    ],
    State.RELEASING: [
        *(partial(canceling, path) for path in each(done, MANUALS) + each(partly, MANUALS)),
        partial(canceling, partial(acting, **BY_CARD)),
        declined_payout,
    ],
    State.SUCCEEDED: each(done, (WALLET, BY_CARD, TOP_UP, PAYOUT)),
    State.CANCELED: [partial(canceling, path) for path in each(unconfirmed, KINDS)],
}
"""Ways to each state, with every kind of payment that gets there."""
CELLS = [(state, trigger) for state in State for trigger in Trigger]


def reached(state: State, trigger: Trigger) -> set[State]:
    """Where the trigger leads from a state, on every way to it. What changes nothing leaves the payment as it was."""
    targets = set()
    for path in PATHS[state]:
        for bring_about in GIVEN[trigger]:
            play = path()
            assert play.state is state
            facts, before = len(play.facts), play.payment
            decision = bring_about(play)
            if isinstance(decision, Problem | Ignored):
                assert play.payment == before
            fired = [fact for fact in play.facts[facts:] if fact.trigger == trigger.value]
            targets |= {fact.state for fact in fired}
    return targets


@pytest.mark.parametrize(("state", "trigger"), CELLS)
def test_a_cell_of_the_table(state: State, trigger: Trigger) -> None:
    assert reached(state, trigger) == TRANSITIONS[state].get(trigger, frozenset())


@pytest.mark.parametrize(("state", "wish"), [(state, wish) for state in State for wish in PaymentOperation])
def test_what_is_not_allowed_is_refused_by_name(state: State, wish: PaymentOperation) -> None:
    trigger = Trigger(wish.value)
    for path in PATHS[state]:
        decision = GIVEN[trigger][0](path())
        if wish not in operations_of(state):
            assert isinstance(decision, Problem)
            assert decision.code in {"payment_intent_unexpected_state", "refund_not_possible"} | (
                {"payment_intent_not_found"} if wish is PaymentOperation.CAPTURE else set()
            )


def test_every_state_has_a_way_to_it_and_a_public_status() -> None:
    assert set(PATHS) == set(State) == set(TRANSITIONS)
    assert {public_status(state) for state in State} == set(PaymentStatus)
