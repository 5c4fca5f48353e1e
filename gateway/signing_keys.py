"""The keys that verify access tokens: heard of when they are published, and asked for where one was not heard of."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from jwt.exceptions import PyJWTError
from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts.identity import GetSigningKeys, SigningKeyPublished
from contracts.message import decode
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import own_context

_LOG = structlog.get_logger()
REFRESH_SECONDS = 60.0
_MOST_KEYS = 64
_NEWS = timedelta(minutes=1)
_SHOWN = ("kty", "crv", "x")
ASKS, SECONDS_PER_ASK = 10, 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


class _Allowance:
    """How often identity may be asked for keys that tokens name and nobody knows: some times at once, then seldom."""

    def __init__(self) -> None:
        self._left, self._counted_at = float(ASKS), float("-inf")

    def take(self) -> bool:
        """Whether it may be asked once more."""
        now = asyncio.get_running_loop().time()
        self._left = min(ASKS, self._left + (now - self._counted_at) / SECONDS_PER_ASK)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class SigningKeys:
    """Identity's public keys by key id. Those it has no more are forgotten within `refresh_seconds`."""

    def __init__(self, queries: Queries, refresh_seconds: float = REFRESH_SECONDS) -> None:
        self._queries = queries
        self._refresh_seconds = refresh_seconds
        self._keys: dict[str, PyJWK] = {}
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._allowance = _Allowance()

    @property
    def are_known(self) -> bool:
        """Whether any key is known, so that tokens can be checked."""
        return bool(self._keys)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the keys that are known."""
        return frozenset(self._keys)

    @property
    def published(self) -> list[dict[str, Any]]:
        """The keys, as the members of a JWK set (RFC 7517 §5)."""
        shown = []
        for kid, key in self._keys.items():
            public = OKPAlgorithm.to_jwk(key.key, as_dict=True)
            shown.append({name: public[name] for name in _SHOWN} | {"kid": kid, "alg": "EdDSA", "use": "sig"})
        return shown

    async def key(self, kid: str) -> PyJWK | None:
        """Return the key of that id, None when identity has none. Raises ProblemError `unavailable`."""
        if kid not in self._keys:
            asked_at = self._asked_at
            async with self._turn:
                asked_meanwhile = self._asked_at != asked_at  # for all who waited: each asking anew would be a queue
                if kid not in self._keys and not asked_meanwhile and (not self._keys or self._allowance.take()):
                    await self._fetch()
        if not self._keys:
            raise ProblemError(
                "unavailable", "Access tokens cannot be checked now; send the request again in a moment."
            )
        return self._keys.get(kid)

    async def hear(self, message: Msg) -> None:
        """Take a key as it is published, before it signs; an old one may be said again when it is good no more."""
        try:
            published = decode(message.data, SigningKeyPublished).data
            key = _key(published.jwk)
        except (ValidationError, PyJWTError, ValueError) as error:
            _LOG.error("not a signing key", error=type(error).__name__)
            return
        is_news = published.signs_from > datetime.now(UTC) - _NEWS
        if is_news and len(self._keys) < _MOST_KEYS:
            self._keys = self._keys | {published.kid: key}
            _LOG.info("signing key published", kid=published.kid)

    async def watch(self) -> None:
        """Ask until there is a first answer, which a gateway waits for that starts before identity; then now and then.

        Keys that identity has no more are forgotten by that.
        """
        pause = _FIRST_PAUSE
        while True:
            if self._queries.can_ask:
                async with self._turn:
                    await self._fetch()
                pause = min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(self._refresh_seconds if self._keys else pause)

    async def _fetch(self) -> None:
        """Replace the keys by identity's present ones; keep those there are when it does not answer."""
        self._asked_at = asyncio.get_running_loop().time()
        try:
            answer = await self._queries.ask(GetSigningKeys(), own_context())
            keys = {key.key_id: key for key in map(_key, answer["keys"]) if key.key_id}
        except (ProblemError, PyJWTError, KeyError, ValueError) as error:
            _LOG.warning("signing keys are not to be had", error=str(error))
            return
        known, self._keys = self._keys.keys(), keys
        if known != self._keys.keys():
            _LOG.info("signing keys", kids=list(self._keys))


def _key(jwk: dict[str, Any]) -> PyJWK:
    """Return a key that checks signatures by EdDSA. Raises PyJWTError, and ValueError for one that does not."""
    key = PyJWK(jwk)
    if key.algorithm_name != "EdDSA":
        raise ValueError("not a key of EdDSA")
    return key
