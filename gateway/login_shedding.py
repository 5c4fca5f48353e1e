"""Turns logins away at the door while identity has as many as it can hash, before they cost anything else.

A flood of logins is then refused for the price of reading its requests. Now and then some are let through, so that
identity never runs out of work, and tells soon when there is room again.
"""

import time
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import LOGINS_TURNED_AWAY
from gateway.problems import ProblemError
from gateway.request_context import context_of

HASHING = frozenset({"/v1/sessions", "/v1/users", "/oauth/sign_in"})
"""Where anybody may have a password hashed."""
PAUSE_SECONDS = 0.1
"""Less than what waits for identity's threads takes, so that they never stand still."""
_OVERLOADED = 503


class LoginShedding:
    """ASGI middleware: after a login was answered 503, the next ones are answered so at once, for PAUSE_SECONDS."""

    def __init__(self, app: ASGIApp, paths: Collection[str] = HASHING) -> None:
        self._app, self._paths = app, paths
        self._closed_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it. An answer of 503 closes the door for a moment."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        if time.monotonic() < self._closed_until:
            LOGINS_TURNED_AWAY.inc()
            await _overloaded().response(context_of(scope).correlation_id)(scope, receive, send)
            return

        async def send_and_see(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _OVERLOADED:
                self._closed_until = time.monotonic() + PAUSE_SECONDS
            await send(message)

        await self._app(scope, receive, send_and_see)


def _overloaded() -> ProblemError:
    return ProblemError("overloaded", "Too many people log in at this moment; try again in a few seconds.")
