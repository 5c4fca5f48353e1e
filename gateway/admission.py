"""Before anything is worked on: who asks, and may they ask now."""

import math
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.auth import Tokens
from gateway.probes import PROBES
from gateway.problems import ProblemError
from gateway.rate_fields import rate_fields
from gateway.rate_limit import RateLimit, Verdict
from gateway.rate_policies import RatePolicies
from gateway.request_context import RequestContext, context_of


class Admission:
    """ASGI middleware: checks a token where there is one, then every rate limit that applies to the request."""

    def __init__(self, app: ASGIApp, tokens: Tokens, limit: RateLimit, policies: RatePolicies) -> None:
        self._app = app
        self._tokens, self._limit, self._policies = tokens, limit, policies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 429; either answer says what the limits are and how much is left."""
        if scope["type"] == "http" and scope["path"] not in PROBES:
            context = context_of(scope)
            verdict = await self._verdict(scope, context)
            send = _telling(send, rate_fields(verdict))
            if verdict.refusing:
                await _too_many(verdict).response(context.correlation_id)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _verdict(self, scope: Scope, context: RequestContext) -> Verdict:
        """Find out who asks, and decide; having others asked about a key is limited as what strangers do is."""
        if self._tokens.have_to_ask(context.authorization):
            verdict = await self._decide(scope, context)
            if verdict.refusing:
                return verdict
            await self._identify(context)
            if context.caller is None:
                return verdict
        else:
            await self._identify(context)
        return await self._decide(scope, context)

    async def _identify(self, context: RequestContext) -> None:
        """Keep the refusal of a bad token for the routes that need one: the others are open to anybody."""
        if context.authorization is not None:
            with context.timings.measured("auth"):
                try:
                    context.caller = await self._tokens.caller(context.authorization, context.proofs)
                except ProblemError as denial:
                    context.denial = denial

    async def _decide(self, scope: Scope, context: RequestContext) -> Verdict:
        client = scope.get("client")
        address = client[0] if client else "unknown"
        charges = self._policies.charges(scope["method"], scope["path"], address, context.caller)
        with context.timings.measured("limit"):
            return await self._limit.check(charges)


def _telling(send: Send, fields: Sequence[tuple[bytes, bytes]]) -> Send:
    """Add fields to whatever is answered."""

    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *fields]
        await send(message)

    return send_with_fields


def _too_many(verdict: Verdict) -> ProblemError:
    retry_after = str(max(1, math.ceil(verdict.wait)))
    detail = f"Slow down; the next request is admitted in {verdict.wait:.3f} seconds."
    members = {"violated-policies": verdict.refusing}  # draft-ietf-httpapi-ratelimit-headers-10, its problem types
    return ProblemError("rate_limited", detail, headers={"Retry-After": retry_after}, members=members)
