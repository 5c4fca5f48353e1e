"""When a request is sent again: after how long, and which answers say that it may succeed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto


class Repeatable(Enum):
    """Which repetition is harmless: any, by a key or in reading; or none where an answer was lost."""

    ALWAYS = auto()
    UNLESS_IT_MAY_HAVE_HAPPENED = auto()


# 409 of this code only; of a 5xx, those that say nothing of the request itself.
IN_PROGRESS = "idempotency_key_in_progress"
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_CARRIED_OUT = frozenset({429})
_REFUSED_AT_THE_DOOR = frozenset({"overloaded"})


def may_succeed_later(status: int, code: str, repeatable: Repeatable) -> bool:
    """Tell whether an answer that is not 2xx asks for another try."""
    if code == IN_PROGRESS:
        return True
    if repeatable is Repeatable.ALWAYS:
        return status in _TRY_AGAIN
    return status in _NOT_CARRIED_OUT or code in _REFUSED_AT_THE_DOOR


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds that Retry-After asks for, which may also be a date (RFC 9110 §10.2.3); None without one."""
    said = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now().timestamp())


@dataclass(frozen=True)
class Retries:
    """How patient a client is. `deadline` bounds a call with all its attempts (seconds), `attempts` their number.

    The pause doubles from `first_pause` up to `longest_pause`, and of it a random part is waited, at least half: so
    those that failed together do not come back together. A `Retry-After` is the least that is waited.
    """

    deadline: float = 60.0
    attempts: int = 20
    first_pause: float = 0.1
    longest_pause: float = 5.0
    chance: Callable[[], float] = field(default=random.random, repr=False)

    def pause(self, attempt: int, asked_for: float | None) -> float:
        """Return how long to wait after the attempt of this number, counted from 1."""
        doubled = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 32))
        own = doubled * (0.5 + self.chance() / 2)
        return own if asked_for is None else max(own, asked_for + self.first_pause * self.chance())
