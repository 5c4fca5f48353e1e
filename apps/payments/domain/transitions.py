"""The life of a payment intent: the one transition table. Nothing else moves a payment's state."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a payment intent stands. The customer sees `assessing` and `posting` as `processing`."""

    REQUIRES_CONFIRMATION = "requires_confirmation"
    ASSESSING = "assessing"
    POSTING = "posting"
    SUCCEEDED = "succeeded"
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"


class Trigger(StrEnum):
    """What can happen to a payment intent."""

    CONFIRM = "confirm"
    RISK_APPROVED = "risk_approved"
    RISK_DECLINED = "risk_declined"
    RISK_TIMED_OUT = "risk_timed_out"
    TRANSFER_POSTED = "transfer_posted"
    TRANSFER_REFUSED = "transfer_refused"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType(
    {
        (State.REQUIRES_CONFIRMATION, Trigger.CONFIRM): State.ASSESSING,
        (State.REQUIRES_PAYMENT_METHOD, Trigger.CONFIRM): State.ASSESSING,
        (State.ASSESSING, Trigger.RISK_APPROVED): State.POSTING,
        (State.ASSESSING, Trigger.RISK_DECLINED): State.REQUIRES_PAYMENT_METHOD,
        (State.ASSESSING, Trigger.RISK_TIMED_OUT): State.REQUIRES_PAYMENT_METHOD,
        # From here on the ledger may have moved the money: no time-out, the post is retried until it has an outcome.
        (State.POSTING, Trigger.TRANSFER_POSTED): State.SUCCEEDED,
        (State.POSTING, Trigger.TRANSFER_REFUSED): State.REQUIRES_PAYMENT_METHOD,
    }
)
"""Legal moves. A pair that is not here changes nothing: a command is refused, any other message is ignored."""


def next_state(state: State, trigger: Trigger) -> State | None:
    """Return where `trigger` leads from `state`; None where it is not legal."""
    return TRANSITIONS.get((state, trigger))


def states_that_allow(trigger: Trigger) -> tuple[State, ...]:
    """Return the states in which `trigger` is legal, in the order of `State`."""
    return tuple(state for state in State if (state, trigger) in TRANSITIONS)
