"""GET /v1/overview: what a user sees first, in one request."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from contracts.identity import User
from contracts.payments import PaymentIntent
from contracts.risk import Review
from contracts.wallet import Account
from gateway.dependencies import AnyCaller, ContextDep, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.overview import overview
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import users, wallets

router = APIRouter(tags=["overview"])

EXAMPLE: dict[str, Any] = {
    "profile": users.EXAMPLE,
    "balances": [wallets.EXAMPLE],
    "missing": [
        {
            "part": "payments",
            "code": "unavailable",
            "detail": "The payments service does not answer now; send the request again in a moment.",
        }
    ],
    "not_granted": ["reviews"],
}


class MissingPart(BaseModel):
    """A part that did not come, and why: a problem's code and detail."""

    part: str
    code: str
    detail: str


class Overview(BaseModel):
    """The parts that came in time. `missing` could not be had now; `not_granted` the token does not allow."""

    profile: User | None = None
    balances: list[Account] | None = None
    payments: list[PaymentIntent] | None = None
    reviews: list[Review] | None = None
    missing: list[MissingPart]
    not_granted: list[str]


@router.get(
    "/v1/overview",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read what matters at a glance",
    responses={
        DONE: success(Overview, "What came in time", EXAMPLE),
        **problems(asks="wallet", scope="profile"),
    },
)
async def get_overview(caller: AnyCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read your profile, your wallets with their balances, your latest payments and, for analysts, open reviews.

    Each part needs its own scope: `profile`, `wallets`, `payments`, `reviews`. The services are asked side by side, and
    one that does not answer in time is missing from the answer, which says so.
    """
    return json_response(await overview(caller, parts.queries, context, parts.settings.overview_seconds))
