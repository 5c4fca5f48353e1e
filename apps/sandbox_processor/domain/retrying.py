"""When a webhook that nobody took is sent again."""

from apps.sandbox_processor.domain import seeding

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
GIVEN_UP_AFTER = 3 * 24 * 3600.0
_DOUBLINGS = 10  # reach the longest delay, whatever the number of attempts


def again_after(attempts: int, waited: float, seed: int, event_id: str) -> float | None:
    """Return after how many seconds it is sent again, so many attempts having failed; None when it is given up."""
    if waited > GIVEN_UP_AFTER:
        return None
    delay = min(FIRST_DELAY * 2.0 ** min(attempts - 1, _DOUBLINGS), LONGEST_DELAY)
    return delay * (0.75 + seeding.fraction(seed, "retry", event_id, str(attempts)) / 2)
