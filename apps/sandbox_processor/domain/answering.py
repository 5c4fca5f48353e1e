"""How long an HTTP answer takes."""

from dataclasses import dataclass

from apps.sandbox_processor.domain import seeding
from apps.sandbox_processor.domain.behaviours import Answering


@dataclass(frozen=True, slots=True)
class Delays:
    """In seconds: an answer's average, a late one's, and how long a lost one keeps the client waiting."""

    latency: float
    late: float
    hang: float


def answer_after(answering: Answering, delays: Delays, seed: int, operation_id: str) -> float:
    """Return after how many seconds an operation is answered; 0 where something else decides that."""
    if answering is Answering.LATE:
        return delays.late
    if answering is Answering.AT_ONCE:
        return delays.latency * (0.5 + seeding.fraction(seed, "latency", operation_id))
    return 0.0
