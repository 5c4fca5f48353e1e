"""What has become of commands to risk."""

from contracts.message import query
from contracts.outcomes import KeptOutcome, OutcomeAsked


@query("risk", "get_outcome", senders=("gateway",), answer=KeptOutcome)
class GetOutcome(OutcomeAsked):
    """Read what has become of a command to risk by its Idempotency-Key.

    Refused with `operation_not_found`, `idempotency_key_reused`.
    """
