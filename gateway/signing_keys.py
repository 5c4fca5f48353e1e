"""The keys that verify access tokens: asked for once, and again when a token names one that is not known."""

import asyncio

import structlog
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from contracts.identity import GetSigningKeys
from contracts.ids import new_id
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import RequestContext

_LOG = structlog.get_logger()
REFETCH_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


class SigningKeys:
    """Identity's public keys by key id. Unknown key ids cannot make the gateway ask more often than now and then."""

    def __init__(self, queries: Queries, refetch_seconds: float = REFETCH_SECONDS) -> None:
        self._queries = queries
        self._refetch_seconds = refetch_seconds
        self._keys: dict[str, PyJWK] = {}
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")

    @property
    def are_known(self) -> bool:
        """Whether any key is known, so that tokens can be checked."""
        return bool(self._keys)

    async def key(self, kid: str) -> PyJWK | None:
        """Return the key of that id, None when identity has none. Raises ProblemError `unavailable`."""
        if kid not in self._keys:
            asked_at = self._asked_at
            async with self._turn:
                asked_meanwhile = self._asked_at != asked_at  # for all who waited: each asking anew would be a queue
                if kid not in self._keys and not asked_meanwhile and self._may_ask():
                    await self._fetch()
        if not self._keys:
            raise ProblemError(
                "unavailable", "Access tokens cannot be checked now; send the request again in a moment."
            )
        return self._keys.get(kid)

    async def fetch_until_known(self) -> None:
        """Ask until there is a first answer: a gateway that starts before identity catches up by itself."""
        pause = _FIRST_PAUSE
        while not self._keys:
            if self._queries.can_ask:
                async with self._turn:
                    await self._fetch()
                pause = min(pause * 2, _LONGEST_PAUSE)
            if not self._keys:
                await asyncio.sleep(pause)

    def _may_ask(self) -> bool:
        return not self._keys or asyncio.get_running_loop().time() >= self._asked_at + self._refetch_seconds

    async def _fetch(self) -> None:
        """Replace the keys by identity's present ones; keep those there are when it does not answer."""
        self._asked_at = asyncio.get_running_loop().time()
        context = RequestContext(correlation_id=str(new_id()), traceparent=None, authorization=None)
        try:
            answer = await self._queries.ask(GetSigningKeys(), context)
            keys = PyJWKSet(answer["keys"]).keys
        except (ProblemError, PyJWTError, KeyError) as error:
            _LOG.warning("signing keys are not to be had", error=str(error))
            return
        self._keys = {key.key_id: key for key in keys if key.key_id}
        _LOG.info("signing keys", kids=list(self._keys))
