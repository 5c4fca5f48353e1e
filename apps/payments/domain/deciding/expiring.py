"""What the clock says: a payment's wait is over."""

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import releasing
from apps.payments.domain.deciding.step import Draft, Ignored
from apps.payments.domain.transitions import State, Trigger, is_legal


def time_out(draft: Draft) -> Ignored | None:
    """End the wait that the payment is in, if it is over."""
    intent = draft.intent
    if intent.deadline_at is None or intent.deadline_at > draft.now:
        return Ignored.NOT_DUE
    match intent.state:
        case State.ASSESSING:
            releasing.fail(draft, Trigger.RISK_TIMED_OUT, errors.RISK_TIMED_OUT)
        case state if is_legal(state, Trigger.EXPIRED):
            releasing.expire(draft)
        case _:
            return Ignored.OUT_OF_STATE
    return None
