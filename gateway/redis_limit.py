"""Rate limits in Redis: one script decides a request; requests that come together go there together."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files

from redis.exceptions import NoScriptError, RedisError

from gateway.gcra import Charge, Standing
from gateway.redis_connections import FAILURES, connect, disconnect
from outbox.ending import end

SCRIPT = files("gateway").joinpath("gcra.lua").read_text()
_AT_ONCE = 256
_MOST_WAITING = 20_000


class _Check:
    """One request's charges as the script takes them, and its answer to come."""

    __slots__ = ("answer", "arguments", "keys")

    def __init__(self, charges: Sequence[Charge], answer: "asyncio.Future[list[Standing]]") -> None:
        self.keys = [charge.key for charge in charges]
        self.arguments: list[int] = []
        for policy, _, cost in charges:
            self.arguments += (policy.interval, policy.span, cost, 0 if policy.shadow else 1)
        self.answer = answer


class RedisLimit:
    """Asks the script, with one round trip for all requests that wait at the moment: an idle gateway adds no delay."""

    def __init__(self, redis_url: str, script: str = SCRIPT) -> None:
        self._redis = connect(redis_url)
        self._script = script
        self._digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()  # what EVALSHA names it by
        self._waiting: list[_Check] = []
        self._asking: asyncio.Task[None] | None = None

    async def check(self, charges: Sequence[Charge]) -> list[Standing]:
        """Decide a request's charges all or nothing. Raises one of FAILURES, within a deadline."""
        if len(self._waiting) >= _MOST_WAITING:
            raise RedisError("too many requests wait for Redis")
        check = _Check(charges, asyncio.get_running_loop().create_future())
        self._waiting.append(check)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_for_all(), name="rate limits")
        return await check.answer

    async def _ask_for_all(self) -> None:
        """Ask until nobody waits. When Redis does not answer, all who wait are told so at once."""
        batch: list[_Check] = []
        failure: Exception = RedisError("stopped")
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                await self._ask(batch)
        except FAILURES as error:
            failure = error
        finally:
            for check in (*batch, *self._waiting):
                if not check.answer.done():
                    check.answer.set_exception(failure)
            self._waiting.clear()

    async def _ask(self, batch: Sequence[_Check]) -> None:
        unknown = await self._ask_once(batch)
        if unknown:  # Redis was restarted, or told to forget its scripts
            await self._redis.script_load(self._script)
            if await self._ask_once(unknown):
                raise NoScriptError("Redis forgets the script at once")

    async def _ask_once(self, batch: Sequence[_Check]) -> list[_Check]:
        """Answer the checks, and return those for which Redis does not have the script."""
        pipeline = self._redis.pipeline(transaction=False)
        for check in batch:
            pipeline.evalsha(self._digest, len(check.keys), *check.keys, *check.arguments)
        unknown = []
        for check, answer in zip(batch, await pipeline.execute(raise_on_error=False), strict=True):
            if isinstance(answer, NoScriptError):
                unknown.append(check)
            elif isinstance(answer, Exception):
                raise answer
            elif not check.answer.done():  # whoever waited may have left
                numbers = map(int, answer.split())
                check.answer.set_result([Standing(early, used) for early, used in zip(numbers, numbers, strict=True)])
        return unknown

    async def forget_connections(self) -> None:
        """Leave connections to a server that is gone."""
        with suppress(*FAILURES):  # closing may time out as well
            await self._redis.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Answer nobody any more, and close the connections."""
        if self._asking is not None:
            await end([self._asking])
        await disconnect(self._redis)
