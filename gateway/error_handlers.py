"""Turns what frameworks raise into problems: unknown paths, wrong methods, bodies and parameters that do not fit."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from gateway.problems import ProblemError
from gateway.request_context import context_of

_MAX_ERRORS = 20
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_LENGTHS = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}
_NOT_AN_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})


def install(app: FastAPI) -> None:
    """Answer every exception that a route or the router raises with a problem document."""
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    problem = error if isinstance(error, ProblemError) else _of_framework(request, error)
    problem.parameter = _as_in_path(request, problem.parameter)
    return problem.response(context_of(request.scope).correlation_id)


def _as_in_path(request: Request, parameter: str | None) -> str | None:
    """Return the name that a parameter has in the path: services say `id` or `endpoint` for `endpoint_id`."""
    in_path = list(request.path_params)
    if parameter == "id" and len(in_path) == 1:
        return in_path[0]
    return f"{parameter}_id" if f"{parameter}_id" in in_path else parameter


def _of_framework(request: Request, error: HTTPException) -> ProblemError:
    match error.status_code:
        case 404:
            return ProblemError("not_found", f"Nothing is at {request.url.path}; /docs lists what there is.")
        case 405:
            allowed = ", ".join(_allowed(request))
            detail = f"{request.url.path} takes {allowed}, not {request.method}."
            return ProblemError("method_not_allowed", detail, headers={"Allow": allowed})
        case _:
            return ProblemError("malformed_request", "The body cannot be read; send one JSON object in UTF-8.")


def _allowed(request: Request) -> list[str]:
    """Return the methods that a path takes: each is a route of its own, and the framework names but the first's.

    What takes GET takes HEAD (gateway.conditional).
    """
    routes, scope = request.app.routes, request.scope
    found = [m for m in _METHODS if any(r.matches({**scope, "method": m})[0] is Match.FULL for r in routes)]
    return [m for method in found for m in ((method, "HEAD") if method == "GET" else (method,))]


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    problem = _of_validation(request, error.errors())
    return problem.response(context_of(request.scope).correlation_id)


def _of_validation(request: Request, errors: Sequence[Any]) -> ProblemError:
    first = errors[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "it ends too early")
        return ProblemError("malformed_json", f"The body is not JSON: {reason}, at character {first['loc'][-1]}.")
    if first["type"] in _NOT_AN_OBJECT and first["loc"] == ("body",) and not _says_json(request):
        return ProblemError("unsupported_media_type", "Send the body as `Content-Type: application/json`.")
    return invalid_request([(_location(e["loc"]), _in_words(e)) for e in errors[:_MAX_ERRORS]])


def _in_words(error: Any) -> str:
    """Return what does not fit. Of secrets pydantic counts "items"; some libraries end in a full stop of theirs."""
    limits = error.get("ctx", {})
    if error["type"] in _LENGTHS and limits.get("field_type") == "Value":
        word, limit = _LENGTHS[error["type"]]
        return f"should have {word} {limits[limit]} characters, not {limits['actual_length']}"
    return str(error["msg"]).rstrip(".")


def invalid_request(errors: Sequence[tuple[str, str]]) -> ProblemError:
    """Return the answer to a request that does not fit: where it does not (`body/amount`), and why; at least one."""
    listed = [{"location": location, "detail": detail} for location, detail in errors]
    detail = "; ".join(f"{location}: {detail}" for location, detail in errors[:3])
    parameter = errors[0][0].rsplit("/", maxsplit=1)[-1]
    return ProblemError("invalid_request", f"{detail}.", parameter=parameter, members={"errors": listed})


def _says_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _location(place: Sequence[str | int]) -> str:
    """Return where in the request it is: `body/amount`, `path/wallet_id`, `header/prefer`."""
    return "/".join(str(part) for part in place)
