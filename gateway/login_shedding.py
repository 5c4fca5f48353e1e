"""Turns logins away at the door while identity has as many as it can hash, before they cost anything else.

A flood of logins is then refused for the price of reading its requests. Now and then a few are let through, so that
identity never runs out of work, and tells soon when there is room again.
"""

import math
import time
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import LOGINS_TURNED_AWAY
from gateway.problems import ProblemError
from gateway.request_context import context_of

HASHING = frozenset({"/v1/sessions", "/v1/users", "/oauth/sign_in"})
"""Where anybody may have a password hashed."""
PAUSE_SECONDS = 0.15
"""Less than what waits for identity's threads takes, so that they never stand still."""
CAREFUL_SECONDS = 5.0
"""How long after an overload only a few are let through at a time, since what they come to is told too late."""
MOST_UNDER_WAY, FEW_UNDER_WAY = 256, 12
_OVERLOADED = 503


class LoginShedding:
    """ASGI middleware: after a login was answered 503, the next ones are answered so at once, for PAUSE_SECONDS."""

    def __init__(self, app: ASGIApp, paths: Collection[str] = HASHING) -> None:
        self._app, self._paths = app, paths
        self._overloaded_at = -math.inf
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it. An answer of 503 closes the door for a moment."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
        elif self._has_room():
            await self._let_in(scope, receive, send)
        else:
            LOGINS_TURNED_AWAY.inc()
            await _overloaded().response(context_of(scope).correlation_id)(scope, receive, send)

    def _has_room(self) -> bool:
        since = time.monotonic() - self._overloaded_at
        if since < PAUSE_SECONDS:
            return False
        return self._under_way < (FEW_UNDER_WAY if since < CAREFUL_SECONDS else MOST_UNDER_WAY)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_see(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _OVERLOADED:
                self._overloaded_at = time.monotonic()
            await send(message)

        async def receive_uncounted() -> Message:
            """Keep no place while the client sends: a few hundred that never end would keep everybody out."""
            self._under_way -= 1
            try:
                return await receive()
            finally:
                self._under_way += 1

        self._under_way += 1
        try:
            await self._app(scope, receive_uncounted, send_and_see)
        finally:
            self._under_way -= 1


def _overloaded() -> ProblemError:
    return ProblemError("overloaded", "Too many people log in at this moment; try again in a few seconds.")
