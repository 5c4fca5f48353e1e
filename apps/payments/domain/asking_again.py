"""When what is not known is asked again: operations at processors, and webhooks that match nothing yet."""

from datetime import datetime, timedelta

PAUSES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
DAILY = timedelta(days=1)
LEASE = timedelta(seconds=30)
"""How long a worker has an operation in hand. It is done with it earlier, or dead."""
DAILY_TRIES = 7
"""After so many daily tries a person is asked; the processor still is, every day."""

PARKING_PAUSES = (
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
)
PARKED_PAUSE = timedelta(hours=1)
PARKED_AT_MOST = timedelta(days=3)


def pause_after(tries: int) -> timedelta:
    """Return how long to wait after that many tries (1, 2, ...) that told nothing final."""
    return PAUSES[tries - 1] if tries <= len(PAUSES) else DAILY


def needs_attention(tries: int) -> bool:
    """Tell whether that many tries are all that a machine can do: the first, those after pauses, and the daily ones."""
    return tries > len(PAUSES) + DAILY_TRIES


def parked_until(tries: int, received_at: datetime, now: datetime) -> datetime | None:
    """Return when to look again for what a webhook is about, after that many looks; None when it is a person's turn."""
    if now >= received_at + PARKED_AT_MOST:
        return None
    pause = PARKING_PAUSES[tries - 1] if tries <= len(PARKING_PAUSES) else PARKED_PAUSE
    return now + pause
