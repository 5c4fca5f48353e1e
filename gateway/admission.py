"""Before anything is worked on: who asks, and may they ask now."""

import math
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth import Tokens
from gateway.problems import ProblemError
from gateway.rate_limit import Policy, RateLimit
from gateway.request_context import RequestContext, context_of

UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})


class Admission:
    """ASGI middleware: checks a token where there is one, then the rate limit of the user or the address.

    `of_callers` are the limits of user and address; `of_paths` those of addresses at paths that begin so, where nobody
    has a token: what other clients of an address do leaves them what they need.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        limit: RateLimit,
        of_callers: tuple[Policy, Policy],
        of_paths: Mapping[str, Policy],
    ) -> None:
        self._app = app
        self._tokens, self._limit = tokens, limit
        self._per_user, self._per_address = of_callers
        self._of_paths = of_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 429."""
        if scope["type"] == "http" and scope["path"] not in UNLIMITED:
            context = context_of(scope)
            await self._identify(context)
            seconds = await self._wait(scope, context)
            if seconds:
                await _too_many(seconds).response(context.correlation_id)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _identify(self, context: RequestContext) -> None:
        """Keep the refusal of a bad token for the routes that need one: the others are open to anybody."""
        if context.authorization is not None:
            try:
                context.caller = await self._tokens.caller(context.authorization)
            except ProblemError as denial:
                context.denial = denial

    async def _wait(self, scope: Scope, context: RequestContext) -> float:
        client = scope.get("client")
        address = client[0] if client else "unknown"
        for path, policy in self._of_paths.items():
            if scope["path"].startswith(path):
                return await self._limit.wait(policy, address)
        if context.caller is not None:
            return await self._limit.wait(self._per_user, context.caller.user.hex)
        return await self._limit.wait(self._per_address, address)


def _too_many(seconds: float) -> ProblemError:
    retry_after = str(max(1, math.ceil(seconds)))
    detail = f"Slow down; the next request is admitted in {seconds:.3f} seconds."
    return ProblemError("rate_limited", detail, headers={"Retry-After": retry_after})
