"""Connections to Redis, few and each with deadlines: what Redis does not decide soon is decided without it."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

FAILURES = (RedisError, OSError, TimeoutError)
"""What any command raises when Redis does not answer."""
_SECONDS = 1.0
_CONNECTIONS = 4


def connect(redis_url: str) -> Redis:
    """Return a client, which connects when it is first used; each wait has a deadline, and nothing is tried again."""
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=_CONNECTIONS,
        timeout=_SECONDS,
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return Redis.from_pool(pool)


async def disconnect(redis: Redis) -> None:
    """Close all connections."""
    await redis.aclose()
    await redis.connection_pool.disconnect()
