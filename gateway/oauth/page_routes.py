"""What every page of the authorization endpoint does with trouble: tell the app where that is safe, else the person."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from gateway.oauth.errors import OAuthError
from gateway.oauth.pages import error_page
from gateway.oauth.redirects import sent_back
from gateway.problems import ProblemError
from gateway.request_context import context_of

_HEADINGS = {
    "client_not_found": "This app is not known here",
    "redirect_uri_not_valid": "This app is not set up correctly",
    "ticket_not_valid": "This page does not hold any more",
    "invalid_request": "This link is not complete",
}
_LATER = "Signing in does not work at the moment"
_LATER_DETAIL = "Please try again in a few seconds."
_WRONG = "This did not work"
_SERVER_TROUBLE = 500


class SentBack(Exception):  # noqa: N818 - an answer, not an error
    """Ends a request by sending the person back to their app, with an error of the standard (RFC 6749 §4.1.2.1)."""

    def __init__(self, redirect_uri: str, error: str, description: str | None, state: str) -> None:
        super().__init__(error)
        self.redirect_uri, self.state = redirect_uri, state
        self.error, self.description = error, description


class PageRoute(APIRoute):
    """A route that answers with pages, also when something is wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, with its errors turned into pages or redirects."""
        handle = super().get_route_handler()

        async def handle_with_pages(request: Request) -> Response:
            try:
                return await handle(request)
            except SentBack as back:
                issuer = request.app.state.parts.settings.token_issuer
                told = {"error": back.error, "error_description": back.description}
                return sent_back(back.redirect_uri, told | {"state": back.state or None, "iss": issuer})
            except OAuthError as error:
                return _page(request, error.code, error.description, error.status)
            except ProblemError as problem:
                return _of_problem(request, problem)

        return handle_with_pages


def _of_problem(request: Request, problem: ProblemError) -> Response:
    status = problem.kind.status
    detail = str(problem.detail) if status < _SERVER_TROUBLE else _LATER_DETAIL
    page = _page(request, problem.code, detail, status)
    if problem.kind.retry_after is not None:
        page.headers["Retry-After"] = str(problem.kind.retry_after)
    return page


def _page(request: Request, code: str, detail: str, status: int) -> Response:
    heading = _HEADINGS.get(code, _WRONG if status < _SERVER_TROUBLE else _LATER)
    return error_page(heading, detail, context_of(request.scope).correlation_id, status)
