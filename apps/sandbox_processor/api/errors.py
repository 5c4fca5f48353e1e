"""Refusals of the API: a status, a stable code, and a sentence."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request

from apps.sandbox_processor.api.answers import JSONAnswer


class RefusedError(Exception):
    """What is answered instead."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


async def not_routed(_: Request, error: Exception) -> JSONAnswer:
    """Answer what has no route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101  registered for nothing else
    return JSONAnswer({"error": "not_found", "detail": error.detail}, error.status_code, error.headers)


async def refused(_: Request, error: Exception) -> JSONAnswer:
    """Answer a RefusedError."""
    assert isinstance(error, RefusedError)  # noqa: S101  registered for nothing else
    return JSONAnswer({"error": error.code, "detail": error.detail}, error.status, error.headers)
