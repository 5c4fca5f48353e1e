"""One process of the bench: `python -m ops.bench.limiter.checker` makes checks as a gateway does.

It reads a job, says that it is ready, begins at the next line, and tells how far it is and at last what it has seen.
"""

import asyncio
import gc
import sys
import time
from collections import Counter

import uvloop

from gateway.redis_limit import RedisLimit
from ops.bench.limiter.job import Job, Progress, Told

READY = "ready"
_TELL_EVERY = 5_000
_WARM_UP = 200


class _Checker:
    def __init__(self, job: Job) -> None:
        self._limit = RedisLimit(job.redis_url.get_secret_value())
        self._kinds = job.kinds()
        self._left = job.checks
        self._concurrency = job.concurrency
        self._admitted: Counter[str] = Counter()
        self._took: Counter[int] = Counter()

    async def run(self) -> Told:
        """Make the checks."""
        before = time.process_time()
        await asyncio.gather(*(self._check_on() for _ in range(self._concurrency)))
        cpu = time.process_time() - before
        await self._limit.close()
        return Told(admitted=self._admitted, microseconds=self._took, cpu_seconds=cpu)

    async def warm_up(self) -> None:
        """Connect, and load the script; what is counted here belongs to nobody."""
        charges = [charge._replace(who="nobody") for charge in self._kinds[-1]]
        for _ in range(_WARM_UP):
            await self._limit.check(charges)

    async def _check_on(self) -> None:
        while self._left:
            self._left -= 1
            charges = self._kinds[self._left % len(self._kinds)]
            started = time.perf_counter()
            standings = await self._limit.check(charges)
            self._took[int(1e6 * (time.perf_counter() - started))] += 1
            if not any(standing.early for standing in standings):
                self._admitted.update(charge.policy.name for charge in charges)
            if self._left % _TELL_EVERY == 0:
                _say(Progress(done=_TELL_EVERY).model_dump_json())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _main() -> None:
    checker = _Checker(Job.model_validate_json(sys.stdin.readline()))
    await checker.warm_up()
    _say(READY)
    if not await asyncio.to_thread(sys.stdin.readline):
        return  # the bench is gone
    gc.collect()
    gc.freeze()
    _say((await checker.run()).model_dump_json())


if __name__ == "__main__":
    uvloop.run(_main())
