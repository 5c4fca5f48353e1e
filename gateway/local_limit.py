"""The limiter of last resort: the same rule as in Redis, for this process alone, in bounded memory."""

from collections import OrderedDict


class LocalLimit:
    """GCRA (ITU-T I.371) over the most recently seen keys."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._due: OrderedDict[str, float] = OrderedDict()

    def wait(self, key: str, rate: float, burst: int, now: float) -> float:
        """Count a request; return 0.0 when it is admitted, else the seconds until one would be."""
        interval = 1 / rate
        due = max(self._due.get(key, now), now) + interval
        too_early = due - burst * interval - now
        if too_early > interval * 1e-6:
            return too_early
        self._due[key] = due
        self._due.move_to_end(key)
        if len(self._due) > self._size:
            self._due.popitem(last=False)
        return 0.0
