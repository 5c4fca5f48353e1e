"""GET /problems/{code}: what a problem's `type` points to (RFC 9457 §3.1.1)."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.openapi import problems
from gateway.outcomes import DONE, json_response
from gateway.problems import KINDS, TYPE_PREFIX, ProblemError

router = APIRouter(tags=["about"])

EXAMPLE = {
    "code": "insufficient_funds",
    "title": "There is not enough money",
    "status": 402,
    "repeating_may_help": False,
}


@router.get(
    TYPE_PREFIX + "{code}",
    response_model=None,
    summary="Read about a kind of problem",
    responses={
        DONE: {"description": "The problem type", "content": {"application/json": {"example": EXAMPLE}}},
        **problems({"not_found": "No problem has the code 'none'."}),
    },
)
async def get_problem_type(code: str) -> Response:
    """Read the title and status of a problem type, and whether repeating the request may help."""
    kind = KINDS.get(code)
    if kind is None:
        raise ProblemError("not_found", f"No problem has the code {code[:64]!r}.")
    may_help = kind.retry_after is not None
    return json_response({"code": code, "title": kind.title, "status": kind.status, "repeating_may_help": may_help})
