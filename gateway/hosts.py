"""Only requests for names of ours are answered, so that no page reaches the gateway under a name of its own.

A name that an attacker points at our address (DNS rebinding) ends here.
"""

import re
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.probes import PROBES
from gateway.problems import ProblemError
from gateway.request_context import context_of

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+?)\.?(:[0-9]*)?")
_LONGEST = 261  # of a name (RFC 1035) with its port


class HostCheck:
    """ASGI middleware: 400 for a request without exactly one Host field (RFC 9112 §3.2), or with an unknown one."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in PROBES and not self._is_ours(scope):
            await _refusal().response(context_of(scope).correlation_id)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1 or len(given[0]) > _LONGEST:
            return False
        match = _AUTHORITY.fullmatch(given[0].decode("latin-1").lower())
        return match is not None and match[1] in self._hosts


def _refusal() -> ProblemError:
    return ProblemError("host_not_allowed", "Send the request to the name under which this API is published.")
