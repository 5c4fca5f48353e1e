"""What the service itself counts of its deadline: answers that were in the broker's hands by then, and those not."""

import re

import httpx

from ops.stack.ports import HOST

_COUNTED = re.compile(
    r'^ledgerlink_answers_by_deadline_total{consumer="risk-assess",when="late"} ([0-9.e+]+)$', re.MULTILINE
)


class LateAnswers:
    """Counts from `start` to `stop`."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{HOST}:{port}/metrics"
        self._before = 0

    async def start(self) -> None:
        """Note how many there were by now."""
        self._before = await self._count()

    async def stop(self) -> int:
        """Return how many came late since `start`."""
        return await self._count() - self._before

    async def _count(self) -> int:
        async with httpx.AsyncClient(follow_redirects=True) as http:
            text = (await http.get(self._url)).raise_for_status().text
        found = _COUNTED.search(text)
        return int(float(found[1])) if found else 0
