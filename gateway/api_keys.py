"""API keys: whom one acts for is asked of identity by its hash, and known for a short while."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from contracts.identity import KEY_PREFIX, CheckApiKey, KeyHolder
from gateway.challenges import invalid_token
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import Caller, own_context

_REFUSED_SECONDS = 5.0
_MOST_REFUSED = 10_000
_MOST_ASKING = 64
_MOST_LENGTH = 256
_Value = TypeVar("_Value")


def is_api_key(token: str) -> bool:
    """Whether a token looks like an API key."""
    return token.startswith(KEY_PREFIX)


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float


class ApiKeys:
    """Who the keys act for, for at most `seconds`, `most` of them; unknown keys for a few seconds, apart from them."""

    def __init__(self, queries: Queries, seconds: float, most: int) -> None:
        self._queries = queries
        self._seconds, self._most = seconds, most
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._refused: OrderedDict[str, float] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Caller]] = {}

    async def caller(self, key: str) -> Caller:
        """Return who a key acts for. Raises ProblemError `invalid_token`, `unavailable` or `overloaded`."""
        if len(key) > _MOST_LENGTH:
            raise _unknown()
        digest = _digest(key)
        known = self._known.get(digest)
        if known is not None and time.monotonic() < known.until:
            self._known.move_to_end(digest)
            return known.caller
        if time.monotonic() < self._refused.get(digest, 0.0):
            raise _unknown()
        return await self._asked(digest)

    def is_known(self, key: str) -> bool:
        """Whether nobody has to be asked who a key acts for."""
        known = self._known.get(_digest(key))
        return known is not None and time.monotonic() < known.until

    def forget(self, key: str) -> None:
        """Ask again when the key is used the next time: its owner's authority has changed."""
        self._known.pop(_digest(key), None)

    async def _asked(self, digest: str) -> Caller:
        """Ask once for all who wait for the same key, and for a bounded number of keys at a time."""
        task = self._asking.get(digest)
        if task is None:
            if len(self._asking) >= _MOST_ASKING:
                raise ProblemError("overloaded", "Too many API keys are being checked; send the request again.")
            task = asyncio.create_task(self._ask(digest), name="api key")
            self._asking[digest] = task
            task.add_done_callback(lambda done: self._done(digest, done))
        return await asyncio.shield(task)

    def _done(self, digest: str, task: "asyncio.Task[Caller]") -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # whoever waited may have left

    async def _ask(self, digest: str) -> Caller:
        try:
            holder = KeyHolder.model_validate(await self._queries.ask(CheckApiKey(sha256=digest), own_context()))
        except ValidationError as error:
            raise ProblemError("unavailable", "API keys cannot be checked now; send the request again.") from error
        except ProblemError as problem:
            if problem.code != "invalid_token":
                raise
            _put(self._refused, digest, time.monotonic() + _REFUSED_SECONDS, _MOST_REFUSED)
            raise _unknown() from None
        caller = _caller(holder)
        _put(self._known, digest, _Known(caller, time.monotonic() + self._seconds), self._most)
        return caller


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _put(cache: OrderedDict[str, _Value], digest: str, value: _Value, most: int) -> None:
    cache[digest] = value
    cache.move_to_end(digest)
    if len(cache) > most:
        cache.popitem(last=False)


def _caller(holder: KeyHolder) -> Caller:
    return Caller(
        user=holder.user,
        role=holder.role,
        scopes=frozenset(holder.scopes),
        expires_at=holder.expires_at.timestamp() if holder.expires_at else float("inf"),
        client_id=str(holder.key),
        grant=holder.key,
        version=holder.version,
        issued_at=time.time(),
    )


def _unknown() -> ProblemError:
    return invalid_token("There is no such API key, or it holds no longer.")
