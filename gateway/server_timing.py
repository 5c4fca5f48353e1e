"""Where a request spends its time, told to its client (W3C Server Timing): in checks, and waiting for each service."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_TOTAL = "total"


class Timings:
    """Seconds by name of what was waited for; what is waited for side by side adds up, so it may exceed the total."""

    __slots__ = ("_spent", "_started")

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._spent: dict[str, float] = {}

    @property
    def total(self) -> float:
        """Seconds since the request came."""
        return time.perf_counter() - self._started

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Count the time of the block, also when it raises. `name` is an HTTP token (RFC 9110 §5.6.2) fixed in code."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] = self._spent.get(name, 0.0) + time.perf_counter() - began

    def header(self) -> bytes:
        """Return the value of a Server-Timing header, in milliseconds (§3.2), up to now."""
        spent = self._spent | {_TOTAL: self.total}
        return ", ".join(f"{name};dur={seconds * 1000:.2f}" for name, seconds in spent.items()).encode()
