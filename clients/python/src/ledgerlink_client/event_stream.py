"""Server-sent events (HTML Standard §9.2): read as they come, and taken up again where a connection was lost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from ledgerlink_client.errors import NoAnswerError, problem_error
from ledgerlink_client.retrying import Repeatable, may_succeed_later, retry_after
from ledgerlink_client.transport import CONNECT_SECONDS, UNAUTHORIZED, Credentials, Transport

NO_CONTENT = 204
SILENCE_SECONDS = 60.0
"""How long nothing may come, not even a comment, before the connection counts as lost."""


@dataclass(frozen=True)
class ServerSentEvent:
    """One event, as it was sent."""

    id: str
    type: str
    data: str


class EventParser:
    """Puts lines together to events; a comment or an incomplete event is nothing."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._type, self._data = "", list[str]()

    def take(self, line: str) -> ServerSentEvent | None:
        """Take a line without its end; return the event that it completes."""
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        kind, data = self._type or "message", "\n".join(self._data)
        is_event = bool(self._data)
        self._type, self._data = "", []
        return ServerSentEvent(self.last_id, kind, data) if is_event else None


class EventFollower:
    """Follows one stream over as many connections as it takes, at most `seconds` in all."""

    def __init__(
        self, transport: Transport, who: Credentials, path: str, *, last_id: str | None, seconds: float
    ) -> None:
        self._transport, self._who, self._path = transport, who, path
        self._last_id = last_id or ""
        self._ends = transport.clock() + seconds
        self._failures, self._was_renewed = 0, False

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """Yield events until the server says that there are no more, with 204.

        Raises ProblemError, or NoAnswerError when the time is over or too many connections in a row were lost.
        """
        while True:
            pause = self._transport.retries.first_pause
            try:
                async with self._transport.http.stream(
                    "GET", self._path, headers=await self._headers(), timeout=self._timeout()
                ) as response:
                    if response.status_code == NO_CONTENT:
                        return
                    if response.is_success:
                        async for event in self._read(response):
                            yield event
                    else:
                        pause = await self._after_problem(response)
            except httpx.TransportError as error:
                pause = self._after_failure(None, error)
            await self._wait(pause)

    async def _read(self, response: httpx.Response) -> AsyncIterator[ServerSentEvent]:
        parser = EventParser(self._last_id)
        async for line in response.aiter_lines():
            if self._transport.clock() >= self._ends:  # also of what goes on without end
                raise self._too_long()
            if event := parser.take(line):
                self._failures, self._was_renewed, self._last_id = 0, False, event.id
                yield event

    async def _after_problem(self, response: httpx.Response) -> float:
        await response.aread()
        try:
            body = response.json()
        except ValueError:
            body = {}
        problem = problem_error(response.status_code, body if isinstance(body, dict) else {}, response.headers)
        if response.status_code == UNAUTHORIZED and not self._was_renewed:
            self._was_renewed = True
            sent = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
            if await self._who.renew(sent):
                return 0.0
        if not may_succeed_later(response.status_code, problem.code, Repeatable.ALWAYS):
            raise problem
        return self._after_failure(retry_after(response.headers), problem)

    def _after_failure(self, asked_for: float | None, error: Exception) -> float:
        self._failures += 1
        if self._failures >= self._transport.retries.attempts:
            raise NoAnswerError(f"the events of {self._path} stopped after {self._failures} attempts") from error
        return self._transport.retries.pause(self._failures, asked_for)

    async def _wait(self, pause: float) -> None:
        if self._transport.clock() + pause >= self._ends:
            raise self._too_long()
        await self._transport.sleep(pause)

    def _too_long(self) -> NoAnswerError:
        return NoAnswerError(f"the events of {self._path} went on for longer than they were to be followed")

    def _timeout(self) -> httpx.Timeout:
        left = max(0.001, self._ends - self._transport.clock())
        return httpx.Timeout(min(CONNECT_SECONDS, left), read=min(SILENCE_SECONDS, left))

    async def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {await self._who.token()}", "Accept": "text/event-stream"}
        return headers | ({"Last-Event-ID": self._last_id} if self._last_id else {})
