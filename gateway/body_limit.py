"""Bodies are bounded in size and in the time they may take, whether they announce their length or not."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import ProblemError
from gateway.request_context import context_of


class Bound(NamedTuple):
    """The largest body in bytes, and the seconds within which it must arrive."""

    limit: int
    seconds: float


class BodyLimit:
    """ASGI middleware: 413 before a large body is read whole, 408 for one that does not arrive.

    `uploads` are the paths with a bound of their own; one that ends in a slash stands for all directly below it.
    """

    def __init__(self, app: ASGIApp, bound: Bound, uploads: Mapping[str, Bound]) -> None:
        self._app = app
        self._bound, self._uploads = bound, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a guarded `receive`, or answer 413 at once."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bound = self._bound_of(scope["path"])
        if _announced_length(scope) > bound.limit:
            await _too_large(bound).response(context_of(scope).correlation_id)(scope, receive, send)
            return
        await self._app(scope, self._guarded(receive, bound), send)

    def _bound_of(self, path: str) -> Bound:
        return self._uploads.get(path) or self._uploads.get(path[: path.rfind("/") + 1], self._bound)

    def _guarded(self, receive: Receive, bound: Bound) -> Receive:
        """Raise ProblemError, which the route's own error handling answers."""
        received, complete, deadline = 0, False, asyncio.get_running_loop().time() + bound.seconds

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
            if received > bound.limit:
                raise _too_large(bound)
            return message

        return guarded


def _too_large(bound: Bound) -> ProblemError:
    return ProblemError("body_too_large", f"A body may have at most {bound.limit} bytes.")


def _announced_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
