"""The life of a payment intent: the one transition table. Nothing else moves a payment's state."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from contracts.payments import PaymentOperation, PaymentStatus


class State(StrEnum):
    """Where a payment intent stands; finer than its public status."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    ASSESSING = "assessing"
    IN_REVIEW = "in_review"
    RESERVING = "reserving"
    AUTHORISING = "authorising"
    AWAITING_ACTION = "awaiting_action"
    REQUIRES_CAPTURE = "requires_capture"
    CAPTURING = "capturing"
    POSTING = "posting"
    RELEASING = "releasing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Trigger(StrEnum):
    """What can happen to a payment intent: a client's wish, or the word of risk, ledger, processor or clock."""

    UPDATE = "update"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    RISK_APPROVED = "risk_approved"
    RISK_DECLINED = "risk_declined"
    RISK_REVIEWS = "risk_reviews"
    RISK_TIMED_OUT = "risk_timed_out"
    HELD = "held"
    HOLD_REFUSED = "hold_refused"
    POSTED = "posted"
    POST_REFUSED = "post_refused"
    RELEASED = "released"
    AUTHORISED = "authorised"
    CHARGED = "charged"
    ACTION_REQUIRED = "action_required"
    ACTION_TAKEN = "action_taken"
    DECLINED = "declined"
    FELL_OVER = "fell_over"
    CAPTURED = "captured"
    CAPTURE_DECLINED = "capture_declined"
    EXPIRED = "expired"


S, T = State, Trigger
_BEFORE = {
    T.CONFIRM: frozenset({S.ASSESSING}),
    T.CANCEL: frozenset({S.CANCELED}),
    T.EXPIRED: frozenset({S.CANCELED}),
}
_BY_RISK = {T.RISK_APPROVED: frozenset({S.POSTING, S.RESERVING, S.AUTHORISING}),
            T.RISK_DECLINED: frozenset({S.REQUIRES_PAYMENT_METHOD})}  # fmt: skip
_BY_PROCESSOR = {
    T.AUTHORISED: frozenset({S.REQUIRES_CAPTURE}),
    T.CHARGED: frozenset({S.POSTING}),
    T.DECLINED: frozenset({S.REQUIRES_PAYMENT_METHOD}),
}

TRANSITIONS: Mapping[State, Mapping[Trigger, frozenset[State]]] = MappingProxyType(
    {
        S.REQUIRES_PAYMENT_METHOD: _BEFORE
        | {T.UPDATE: frozenset({S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION})},
        S.REQUIRES_CONFIRMATION: _BEFORE | {T.UPDATE: frozenset({S.REQUIRES_CONFIRMATION})},
        S.ASSESSING: _BY_RISK
        | {T.RISK_REVIEWS: frozenset({S.IN_REVIEW}), T.RISK_TIMED_OUT: frozenset({S.REQUIRES_PAYMENT_METHOD})},
        S.IN_REVIEW: _BY_RISK | {T.CANCEL: frozenset({S.CANCELED}), T.EXPIRED: frozenset({S.CANCELED})},
        S.RESERVING: {
            T.HELD: frozenset({S.REQUIRES_CAPTURE, S.AUTHORISING}),
            T.HOLD_REFUSED: frozenset({S.REQUIRES_PAYMENT_METHOD}),
        },
        S.AUTHORISING: _BY_PROCESSOR
        | {
            T.ACTION_REQUIRED: frozenset({S.AWAITING_ACTION}),
            # A payout's money is held meanwhile, and given back first.
            T.DECLINED: frozenset({S.REQUIRES_PAYMENT_METHOD, S.RELEASING}),
            # A processor certainly did nothing, so the next one of the route is asked.
            T.FELL_OVER: frozenset({S.AUTHORISING}),
        },
        S.AWAITING_ACTION: _BY_PROCESSOR
        | {
            # The customer has done their part, and the bank takes its time: there is nobody to give up any more.
            T.ACTION_TAKEN: frozenset({S.AUTHORISING}),
            T.CANCEL: frozenset({S.RELEASING}),
            T.EXPIRED: frozenset({S.RELEASING}),
        },
        S.REQUIRES_CAPTURE: {
            # The ledger captures what a wallet pays; what a processor authorised, it has to capture first.
            T.CAPTURE: frozenset({S.POSTING, S.CAPTURING}),
            T.CANCEL: frozenset({S.RELEASING}),
            T.EXPIRED: frozenset({S.RELEASING}),
            T.REFUND: frozenset({S.REQUIRES_CAPTURE}),
        },
        S.CAPTURING: {
            T.CAPTURED: frozenset({S.POSTING}),
            T.CAPTURE_DECLINED: frozenset({S.REQUIRES_CAPTURE}),
        },
        # From here on the money may have moved: no time-out, the post is asked for until it has an outcome. What a
        # processor has taken already goes to the suspense account when the destination cannot take it.
        S.POSTING: {
            T.POSTED: frozenset({S.SUCCEEDED, S.REQUIRES_CAPTURE}),
            T.POST_REFUSED: frozenset({S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CAPTURE, S.POSTING, S.RELEASING}),
        },
        S.RELEASING: {T.RELEASED: frozenset({S.CANCELED, S.SUCCEEDED, S.REQUIRES_PAYMENT_METHOD})},
        S.SUCCEEDED: {T.REFUND: frozenset({S.SUCCEEDED})},
        S.CANCELED: {},
    }
)
"""Where each trigger may lead from each state. One that is not here changes nothing: a client's wish is refused,
any other word is ignored."""

_STATUS: Mapping[State, PaymentStatus] = MappingProxyType(
    {
        S.ASSESSING: PaymentStatus.PROCESSING,
        S.IN_REVIEW: PaymentStatus.REQUIRES_ACTION,
        S.RESERVING: PaymentStatus.PROCESSING,
        S.AUTHORISING: PaymentStatus.PROCESSING,
        S.AWAITING_ACTION: PaymentStatus.REQUIRES_ACTION,
        S.CAPTURING: PaymentStatus.PROCESSING,
        S.POSTING: PaymentStatus.PROCESSING,
        S.RELEASING: PaymentStatus.PROCESSING,
    }
)


def is_legal(state: State, trigger: Trigger) -> bool:
    """Tell whether anything comes of `trigger` in `state`."""
    return trigger in TRANSITIONS[state]


def public_status(state: State) -> PaymentStatus:
    """Return the status that stands for a state."""
    return _STATUS.get(state) or PaymentStatus(state.value)


def operations_of(state: State) -> tuple[PaymentOperation, ...]:
    """Return what a client may ask for in `state`, in the order of `PaymentOperation`."""
    return tuple(operation for operation in PaymentOperation if is_legal(state, Trigger(operation.value)))


def states_that_allow(trigger: Trigger) -> tuple[PaymentStatus, ...]:
    """Return the public statuses in which `trigger` is legal, in the order of `State`."""
    return tuple(dict.fromkeys(public_status(state) for state in State if is_legal(state, trigger)))
