"""Errors of the token, revocation and introspection endpoints, in the words of RFC 6749 §5.2."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from gateway.problems import ProblemError

CHALLENGE = 'Basic realm="ledgerlink", charset="UTF-8"'
_OWN_CODES = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_token_type",
        "invalid_dpop_proof",
        "use_dpop_nonce",
    }
)
_LATER = frozenset({"unavailable", "overloaded", "deadline_exceeded", "outcome_unknown", "too_many_attempts"})
_UNREADABLE = frozenset({"malformed_request", "body_too_large", "request_timeout", "invalid_message"})
_TOO_MANY_REQUESTS = 429


class OAuthError(Exception):
    """Ends a request with an error of the standard."""

    def __init__(self, code: str, description: str, status: int = 400, retry_after: str | None = None) -> None:
        super().__init__(description)
        self.code, self.description = code, description
        self.status, self.retry_after = status, retry_after

    @classmethod
    def of(cls, problem: ProblemError) -> "OAuthError":
        """Return what a problem is called here (RFC 6749 §5.2; `temporarily_unavailable` as in its §4.1.2.1)."""
        detail, status = str(problem.detail), problem.kind.status
        if problem.code == "invalid_client":
            return cls(problem.code, detail, 401)
        if problem.code in _OWN_CODES:
            return cls(problem.code, detail)
        if problem.code in _UNREADABLE:
            return cls("invalid_request", detail, status if problem.code != "invalid_message" else 400)
        if problem.code in _LATER:
            after = (problem.headers or {}).get("Retry-After") or str(problem.kind.retry_after or 1)
            return cls("temporarily_unavailable", detail, status, after)
        return cls("server_error", detail, 500)

    def document(self) -> dict[str, str]:
        """Return the error as the standard writes it."""
        return {"error": self.code, "error_description": _described(self.description)}

    def response(self) -> Response:
        """Return the error as a response; a client that was not authenticated is told how to be (RFC 9110 §15.5.2)."""
        headers = {"Cache-Control": "no-store"}
        if self.code == "invalid_client":
            headers["WWW-Authenticate"] = CHALLENGE
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        return Response(orjson.dumps(self.document()), self.status, headers, "application/json")


class OAuthRoute(APIRoute):
    """A route whose errors are those of the standard, also those that others raise."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, with its errors put into the standard's words."""
        handle = super().get_route_handler()

        async def handle_in_standard_words(request: Request) -> Response:
            try:
                return await handle(request)
            except OAuthError as error:
                return error.response()
            except ProblemError as problem:
                return OAuthError.of(problem).response()

        return handle_in_standard_words


def _described(text: str) -> str:
    """Return a text of the characters that an error_description may have (RFC 6749 §5.2)."""
    return "".join("'" if c in '"\\' else c if " " <= c <= "~" else "?" for c in text)
