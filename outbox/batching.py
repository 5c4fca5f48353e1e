"""Answers queries of one type together: while one batch is being answered, the next one gathers.

A request that comes alone is answered at once; under load, many share one transaction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from contracts.message import Envelope, Message
from outbox.database import Database, is_transient
from outbox.responder import Refused

_LOG = structlog.get_logger()

BatchAnswerer = Callable[[Database, Sequence[Envelope[Any]]], Awaitable[Sequence[Message | Refused]]]
"""Answers many requests: an answer for each, in their order."""
_Waiting = tuple[Envelope[Any], asyncio.Future[Message]]


class Batching:
    """An Answerer (outbox.responder) that gathers requests: at most `most` in a batch, at most `waiting` for one.

    More than that are refused with `overloaded`. A batch that fails is tried again in halves, down to the single
    request, so that no request fails because of its neighbours; but not while the database is away.
    """

    def __init__(self, answer: BatchAnswerer, most: int, waiting: int) -> None:
        self._answer = answer
        self._most, self._most_waiting = most, waiting
        self._waiting: deque[_Waiting] = deque()
        self._draining: asyncio.Task[None] | None = None

    async def __call__(self, database: Database, request: Envelope[Any]) -> Message:
        """Return the answer to one request. Raises Refused, or whatever the batch failed with."""
        if len(self._waiting) >= self._most_waiting:
            raise Refused("overloaded", "Too many requests are waiting; send it again in a moment.")
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(database))
        return await answer

    async def _drain(self, database: Database) -> None:
        try:
            while self._waiting:
                size = min(self._most, len(self._waiting))
                await self._settle(database, [self._waiting.popleft() for _ in range(size)])
        finally:
            self._draining = None

    async def _settle(self, database: Database, batch: Sequence[_Waiting]) -> None:
        try:
            answers = await self._answer(database, [request for request, _ in batch])
            answered = list(zip(batch, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever it is, the responder logs it and answers
            await self._settle_failed(database, batch, error)
            return
        for (_, waiting), answer in answered:
            _give(waiting, answer)

    async def _settle_failed(self, database: Database, batch: Sequence[_Waiting], error: Exception) -> None:
        if len(batch) == 1 or is_transient(error):
            for _, waiting in batch:
                _give(waiting, error)
            return
        _LOG.warning("a batch failed, trying its halves", requests=len(batch), error=str(error))
        half = len(batch) // 2
        await self._settle(database, batch[:half])
        await self._settle(database, batch[half:])


def _give(waiting: "asyncio.Future[Message]", answer: Message | Exception) -> None:
    """Give an answer to whoever waits for it still."""
    if waiting.done():
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
