"""Which proofs were used: kept in Redis for all gateways, and here too, for when Redis is away."""

import hashlib
import time
from collections import OrderedDict

import structlog

from gateway.metrics import PROOFS_DEGRADED
from gateway.redis_connections import FAILURES, connect, disconnect

_LOG = structlog.get_logger()
_DOWN_SECONDS = 1.0
_KEPT_SECONDS = 150
"""Longer than a proof is believed: twice gateway.dpop.WINDOW_SECONDS, and some more."""
_MOST = 100_000


class UsedProofs:
    """Remembers each proof for as long as it would be believed.

    While Redis is away each gateway knows its own only, at most `most`: a proof that somebody overheard could be used
    once more at another gateway, within its window, for the same request.
    """

    def __init__(self, redis_url: str, most: int = _MOST) -> None:
        self._redis = connect(redis_url)
        self._most = most
        self._here: OrderedDict[str, float] = OrderedDict()
        self._away_until = 0.0

    async def is_new(self, proof: str) -> bool:
        """Tell whether a proof, by its key and id, was not used before; now it was."""
        name = hashlib.sha256(proof.encode()).hexdigest()
        return self._is_new_here(name) and await self._is_new_anywhere(name)

    def _is_new_here(self, name: str) -> bool:
        now = time.monotonic()
        while self._here and (len(self._here) > self._most or next(iter(self._here.values())) < now - _KEPT_SECONDS):
            self._here.popitem(last=False)
        if name in self._here:
            return False
        self._here[name] = now
        return True

    async def _is_new_anywhere(self, name: str) -> bool:
        if time.monotonic() < self._away_until:
            return True
        try:
            is_new = await self._redis.set(f"dpop:{name}", b"", nx=True, px=_KEPT_SECONDS * 1000)
        except FAILURES as error:
            _LOG.warning("redis is away, knowing own proofs only", error=str(error) or type(error).__name__)
            self._away_until = time.monotonic() + _DOWN_SECONDS
            PROOFS_DEGRADED.set(1)
            return True
        PROOFS_DEGRADED.set(0)
        return bool(is_new)

    async def close(self) -> None:
        """Close the connections."""
        await disconnect(self._redis)
