"""What has become of a command."""

from contracts.message import query
from contracts.outcomes import KeptOutcome, OutcomeAsked


@query("wallet", "get_outcome", senders=("gateway",), answer=KeptOutcome)
class GetOutcome(OutcomeAsked):
    """Read what has become of a command to wallet by its Idempotency-Key.

    Refused with `operation_not_found`, `idempotency_key_reused`.
    """
