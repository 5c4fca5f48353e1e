"""How often one user, or one address without a token, may ask. Counted in Redis, or here while Redis is away."""

import time
from contextlib import suppress
from dataclasses import dataclass

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.local_limit import LocalLimit
from gateway.metrics import RATE_LIMIT_DECISIONS, RATE_LIMIT_DEGRADED

_LOG = structlog.get_logger()
_REDIS_SECONDS = 1.0
_CONNECTIONS = 128
_DOWN_SECONDS = 1.0
_LOCAL_KEYS = 10_000

# GCRA: a key's value is when its next request is due (Redis' own clock, microseconds); a burst may run ahead of it.
# Returns 0 when admitted, else the microseconds until a request would be.
_GCRA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = tonumber(redis.call('GET', KEYS[1]) or now)
if due < now then due = now end
due = due + interval
local too_early = due - burst * interval - now
if too_early > 0 then return math.ceil(too_early) end
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1)
return 0
"""


@dataclass(frozen=True)
class Policy:
    """A steady rate (requests per second), and how many may come at once. `name` tells keys of policies apart."""

    name: str
    rate: float
    burst: int


class RateLimit:
    """Admits or refuses, with one round trip to Redis."""

    def __init__(self, redis_url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=_CONNECTIONS,
            timeout=_REDIS_SECONDS,
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._gcra = self._redis.register_script(_GCRA)
        self._local = LocalLimit(_LOCAL_KEYS)
        self._away_until = 0.0

    @property
    def is_degraded(self) -> bool:
        """Whether this process limits alone, because Redis does not answer."""
        return time.monotonic() < self._away_until

    async def wait(self, policy: Policy, who: str) -> float:
        """Count a request; return 0.0 when it is admitted, else the seconds until one would be."""
        key = f"ledgerlink:rate:{policy.name}:{who}"
        if not self.is_degraded:
            try:
                microseconds = await self._gcra([key], [round(1e6 / policy.rate), policy.burst])
            except (RedisError, OSError, TimeoutError) as error:
                await self._note_absence(error)
            else:
                RATE_LIMIT_DEGRADED.set(0)
                return _counted("redis", microseconds / 1e6)
        return _counted("local", self._local.wait(key, policy.rate, policy.burst, time.monotonic()))

    async def _note_absence(self, error: Exception) -> None:
        """Leave Redis alone for a moment, and forget connections to a server that is gone."""
        if not self.is_degraded:
            _LOG.warning("redis is away, limiting alone", error=str(error) or type(error).__name__)
        self._away_until = time.monotonic() + _DOWN_SECONDS
        RATE_LIMIT_DEGRADED.set(1)
        with suppress(RedisError, OSError, TimeoutError):  # closing may time out as well
            await self._redis.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()


def _counted(store: str, seconds: float) -> float:
    RATE_LIMIT_DECISIONS.labels(store, "limited" if seconds else "admitted").inc()
    return seconds
