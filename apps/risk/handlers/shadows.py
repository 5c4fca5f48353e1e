"""The payments that were decided and wait to be judged by rule sets in shadow: ids, in memory, a bounded number."""

from collections.abc import Iterable, Mapping
from itertools import islice
from uuid import UUID

from prometheus_client import Counter

WORKER = "shadows"
MOST_WAITING = 10_000
MOST_LOOKS = 5
NOT_JUDGED = Counter(
    "ledgerlink_risk_shadow_not_judged_total", "Payments that rule sets in shadow did not judge: too many waited"
)


class Decided:
    """Assessments in the order of their decisions; nothing is kept while none is `wanted`.

    What waits is lost with the process, and what is too much is dropped: shadows count what they judge, and they are
    no reason to keep a payment waiting. What is added may not be committed yet: what is not found is put back, and
    dropped when it is not found again and again.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._waiting: dict[UUID, int] = {}

    def add(self, ids: Iterable[UUID]) -> bool:
        """Add what was decided; tell whether it waits."""
        if not self.wanted:
            return False
        for identifier in ids:
            self._put(identifier, 0)
        return True

    def take(self, most: int) -> dict[UUID, int]:
        """Take what has waited longest, with how often each was not found."""
        taken = dict(islice(self._waiting.items(), most))
        for identifier in taken:
            del self._waiting[identifier]
        return taken

    def put_back(self, missing: Mapping[UUID, int]) -> None:
        """Put back what was not found this time either."""
        for identifier, times in missing.items():
            if times + 1 < MOST_LOOKS:
                self._put(identifier, times + 1)

    def _put(self, identifier: UUID, times: int) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting[identifier] = times
        else:
            NOT_JUDGED.inc()
