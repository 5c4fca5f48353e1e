"""Hands a statement to the wallet while it is still arriving: in messages of bounded size, few at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from contracts.message import Message, Reply
from contracts.wallet import BALANCE_LIMIT, LINES_AT_ONCE, ExternalLine, ImportLines, MatchLines
from gateway.external_statements.reading import Facts, Reader, StatementError
from gateway.problems import ProblemError

AT_ONCE = 4
"""Messages with lines on their way for one upload."""
TEXT_AT_ONCE = 128 * 1024
"""Characters of texts in one message: as JSON they take at most four bytes each, and a message has 512 KiB."""
ATTEMPTS = 3
SECONDS = 20.0
"""How long an answer to one message is waited for, before it is sent again."""

Send = Callable[[Message, float], Awaitable[Reply | None]]
Begin = Callable[[Facts], Awaitable[UUID]]


class Upload:
    """One statement on its way. `begin` is asked for the reconciliation once the statement's facts are known."""

    def __init__(self, reader: Reader, begin: Begin, send: Send) -> None:
        self._reader, self._begin, self._send = reader, begin, send
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting: list[ExternalLine] = []
        self._characters = 0
        self._lines = self._total = 0
        self._reconciliation: UUID | None = None

    async def run(self, pieces: AsyncIterator[bytes]) -> Mapping[str, Any]:
        """Import all lines, then let them be matched; return the reconciliation. Raises ProblemError."""
        try:
            await self._import(pieces)
        except ExceptionGroup as group:
            raise _cause(group) from None
        reconciliation = await self._begun()
        if abs(self._total) > BALANCE_LIMIT:
            raise StatementError("its lines add up to more than the ledger can hold").problem()
        return await self._sure(MatchLines(reconciliation_id=reconciliation, lines=self._lines, total=self._total))

    async def _import(self, pieces: AsyncIterator[bytes]) -> None:
        async with asyncio.TaskGroup() as sending:
            async for piece in pieces:
                await self._take(self._reader.feed(piece), sending)
            await self._take(self._reader.close(), sending)
            await self._flush(sending)

    async def _begun(self) -> UUID:
        if self._reconciliation is None:
            if self._reader.facts is None:
                raise RuntimeError("a reader without facts has read lines")
            self._reconciliation = await self._begin(self._reader.facts)
        return self._reconciliation

    async def _take(self, lines: list[ExternalLine], sending: asyncio.TaskGroup) -> None:
        for line in lines:
            length = len(line.reference or "") + len(line.description or "") + len(line.external_id or "")
            if len(self._waiting) == LINES_AT_ONCE or self._characters + length > TEXT_AT_ONCE:
                await self._flush(sending)
            self._waiting.append(line)
            self._characters += length
            self._total += line.amount
            self._lines += 1

    async def _flush(self, sending: asyncio.TaskGroup) -> None:
        if not self._waiting:
            return
        # Not checked once more: every line was.
        command = ImportLines.model_construct(reconciliation_id=await self._begun(), lines=self._waiting)
        self._waiting, self._characters = [], 0
        await self._places.acquire()
        sending.create_task(self._deliver(command))

    async def _deliver(self, command: ImportLines) -> None:
        try:
            await self._sure(command)
        finally:
            self._places.release()

    async def _sure(self, command: Message) -> Mapping[str, Any]:
        """Send until there is an answer: nothing here does more when it is done twice."""
        for _ in range(ATTEMPTS):
            reply = await self._send(command, SECONDS)
            if reply is not None:
                if reply.problem is not None:
                    raise ProblemError.refused(reply.problem)
                return reply.resource
        detail = "The statement was not imported whole. Upload it again, with the same Idempotency-Key."
        raise ProblemError("outcome_unknown", detail)


def _cause(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first error of a group, as a problem where it is one of the statement."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error.problem() if isinstance(error, StatementError) else error
