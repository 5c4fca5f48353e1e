"""What an operator asks of the payments: how many stand where, and which have been on their way for too long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.payments.domain.intents import Intent
from apps.payments.domain.transitions import State
from apps.payments.store import intents
from outbox.database import Reads

STUCK_SHOWN = 100


@dataclass(frozen=True)
class PaymentsAudit:
    """Payment intents by state (every state is there), and the oldest that stick, at most `STUCK_SHOWN`."""

    by_state: Mapping[State, int]
    stuck: Sequence[Intent]


async def audit(reads: Reads, stuck_after: timedelta) -> PaymentsAudit:
    """Look at all payments; one sticks when it is processing and nothing has moved it for `stuck_after`."""
    counted = await intents.count_by_state(reads)
    stuck = await intents.unmoved_since(reads, datetime.now(UTC) - stuck_after, STUCK_SHOWN)
    return PaymentsAudit({state: counted.get(state, 0) for state in State}, stuck)
