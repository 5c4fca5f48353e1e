"""Whether a request may be worked on now: decided in Redis for all gateways, or here alone while Redis is away."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway.gcra import SECOND, Charge, Standing
from gateway.local_limit import LocalLimit
from gateway.metrics import RATE_LIMIT_DECISIONS, RATE_LIMIT_DEGRADED, RATE_LIMIT_REFUSALS
from gateway.redis_connections import FAILURES
from gateway.redis_limit import RedisLimit

_LOG = structlog.get_logger()
_DOWN_SECONDS = 1.0
_LOCAL_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A request's charges, and how each stands."""

    charges: Sequence[Charge]
    standings: Sequence[Standing]

    @property
    def refusing(self) -> list[str]:
        """The names of the policies that refuse the request; it is admitted when there are none."""
        return [c.policy.name for c, s in self._charged() if s.early and not c.policy.shadow]

    @property
    def wait(self) -> float:
        """The seconds after which the request would be admitted, 0.0 when it is."""
        return max((s.early / SECOND for c, s in self._charged() if not c.policy.shadow), default=0.0)

    def _charged(self) -> "zip[tuple[Charge, Standing]]":
        return zip(self.charges, self.standings, strict=True)


class RateLimit:
    """Admits or refuses, with one round trip to Redis."""

    def __init__(self, redis_url: str) -> None:
        self._redis = RedisLimit(redis_url)
        self._local = LocalLimit(_LOCAL_KEYS)
        self._away_until = 0.0

    @property
    def is_degraded(self) -> bool:
        """Whether this process limits alone, because Redis does not answer."""
        return time.monotonic() < self._away_until

    async def check(self, charges: Sequence[Charge]) -> Verdict:
        """Count a request, all or nothing: when one policy refuses it, it costs under none."""
        if not charges:
            return Verdict((), ())
        if not self.is_degraded:
            try:
                standings = await self._redis.check(charges)
            except FAILURES as error:
                await self._note_absence(error)
            else:
                RATE_LIMIT_DEGRADED.set(0)
                return _counted("redis", Verdict(charges, standings))
        return _counted("local", Verdict(charges, self._local.check(charges, time.monotonic_ns() // 1000)))

    async def _note_absence(self, error: Exception) -> None:
        """Leave Redis alone for a moment."""
        if not self.is_degraded:
            _LOG.warning("redis is away, limiting alone", error=str(error) or type(error).__name__)
        self._away_until = time.monotonic() + _DOWN_SECONDS
        RATE_LIMIT_DEGRADED.set(1)
        await self._redis.forget_connections()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()


def _counted(store: str, verdict: Verdict) -> Verdict:
    refused = False
    for charge, standing in zip(verdict.charges, verdict.standings, strict=True):
        if standing.early:
            refused = refused or not charge.policy.shadow
            RATE_LIMIT_REFUSALS.labels(charge.policy.name, "shadow" if charge.policy.shadow else "enforced").inc()
    RATE_LIMIT_DECISIONS.labels(store, "limited" if refused else "admitted").inc()
    return verdict
