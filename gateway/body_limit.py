"""Bodies are bounded in size and in the time they may take, whether they announce their length or not."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import ProblemError
from gateway.request_context import context_of


class BodyLimit:
    """ASGI middleware: 413 before a large body is read whole, 408 for one that does not arrive."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float) -> None:
        self._app = app
        self._limit, self._seconds = limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a guarded `receive`, or answer 413 at once."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced_length(scope) > self._limit:
            await self._too_large().response(context_of(scope).correlation_id)(scope, receive, send)
            return
        await self._app(scope, self._guarded(receive), send)

    def _guarded(self, receive: Receive) -> Receive:
        """Raise ProblemError, which the route's own error handling answers."""
        received, complete, deadline = 0, False, asyncio.get_running_loop().time() + self._seconds

        async def guarded() -> Message:
            nonlocal received, complete
            if complete:  # what comes now is the client's leaving, which may take its time
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise ProblemError("request_timeout", "The body did not arrive in time; send it at once.") from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > self._limit:
                raise self._too_large()
            return message

        return guarded

    def _too_large(self) -> ProblemError:
        return ProblemError("body_too_large", f"A body may have at most {self._limit} bytes.")


def _announced_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
