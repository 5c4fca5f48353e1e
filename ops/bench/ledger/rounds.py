"""Measures transfers in rounds: commands are made between the rounds, so that making them costs no measured time."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ops.bench.cpu import CpuMeter
from ops.bench.ledger.commands import Payments
from ops.bench.ledger.report import Throughput, throughput
from ops.bench.ledger.teller import LEDGER, Teller

_ROUND_SECONDS = 2.0
_FIRST_ROUND = 2_000
_MOST_IN_ROUND = 100_000
_COUNTS = "SELECT l.sequence, (SELECT count(*) FROM refusal) FROM ledger l"

Advance = Callable[[float], object]


@dataclass
class Measure:
    """Rounds of one kind of load on one ledger, added up."""

    teller: Teller
    payments: Payments
    postgres_pid: int
    _rate: float = 0.0
    _seconds: float = 0.0
    _batches: list[float] = field(default_factory=list)
    _cpu: dict[str, float] = field(default_factory=dict)
    _posted: int = 0
    _refused: int = 0
    _not_handled: int = 0

    async def warm_up(self, seconds: float, advance: Advance, transfers: int = 0) -> None:
        """Run rounds that do not count, at least for `seconds` and `transfers`: plans are made, and caches filled."""
        await self.run(seconds, advance)
        while self._posted < transfers:
            await self._round(_ROUND_SECONDS)
        self._seconds, self._posted, self._refused, self._not_handled = 0.0, 0, 0, 0
        self._batches, self._cpu = [], {}

    async def run(self, seconds: float, advance: Advance) -> None:
        """Measure about `seconds` more; `advance` hears of each round's."""
        end = self._seconds + seconds
        while (left := end - self._seconds) > 0.05 * seconds:
            advance(await self._round(min(_ROUND_SECONDS, left)))

    def result(self) -> Throughput:
        """Return what all rounds together came to."""
        counts = (self._posted, self._refused, self._not_handled)
        return throughput(self._seconds, counts, self.teller.batch, self._batches, self._cpu)

    async def _round(self, seconds: float) -> float:
        commands = self.payments.make(self._commands_for(seconds))
        before = await self._counts()
        meter = CpuMeter({"python": os.getpid(), "postgres": self.postgres_pid})
        meter.start()
        started = time.perf_counter()
        batches = await self.teller.hand_over(LEDGER, commands)
        spent = time.perf_counter() - started
        self._add(spent, batches, meter.stop())
        posted, refused, not_handled = (b - a for a, b in zip(before, await self._counts(), strict=True))
        self._posted, self._refused = self._posted + posted, self._refused + refused
        self._not_handled += not_handled
        self._rate = len(commands) / spent
        return spent

    def _commands_for(self, seconds: float) -> int:
        """Return how many commands will take about this long: the first time a guess, later what the rate says."""
        wanted = int(self._rate * seconds) or _FIRST_ROUND
        batch = self.teller.batch
        return max(1, round(min(wanted, _MOST_IN_ROUND) / batch)) * batch

    def _add(self, spent: float, batches: list[float], cpu: Mapping[str, float]) -> None:
        self._seconds += spent
        self._batches += batches
        self._cpu = {name: self._cpu.get(name, 0.0) + more for name, more in cpu.items()}

    async def _counts(self) -> tuple[int, int, int]:
        """Return the ledger's own counts, which no stand-in can get wrong, and what was not acknowledged."""
        row = await self.teller.service.database.pool.fetchrow(_COUNTS)
        posted, refused = row or (0, 0)
        return posted, refused, self.teller.not_handled
