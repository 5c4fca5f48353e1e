"""The limiter of last resort: the same rule as in Redis, for this process alone, in bounded memory."""

from collections import OrderedDict
from collections.abc import Sequence

from gateway.gcra import Charge, Standing, decide


class LocalLimit:
    """The rule of gateway.gcra over the keys that were charged most recently."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._due: OrderedDict[str, int] = OrderedDict()

    def check(self, charges: Sequence[Charge], now: int) -> list[Standing]:
        """Decide a request's charges all or nothing, at `now` (microseconds)."""
        keys = [charge.key for charge in charges]
        standings, changed = decide(now, [self._due.get(key) for key in keys], charges)
        for key, due in zip(keys, changed, strict=True):
            if due is not None:
                self._due[key] = due
                self._due.move_to_end(key)
        while len(self._due) > self._size:
            self._due.popitem(last=False)
        return standings
