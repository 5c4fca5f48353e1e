"""Quality: how good risk's decisions were, by the payments whose labels are known."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import GetQuality, Quality
from gateway.dependencies import ContextDep, PartsDep, RiskReader
from gateway.error_handlers import invalid_request
from gateway.instants import Instant
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY

PREFIX = "/v1/risk/quality"
router = APIRouter(prefix=PREFIX, tags=["risk"])

_CAUGHT: dict[str, Any] = {
    "fired": 10,
    "frauds": 8,
    "goods": 2,
    "precision": 0.8,
    "recall": 0.5,
    "false_positive_rate": 0.01,
    "amount": {"EUR": 640000},
}
EXAMPLE: dict[str, Any] = {
    "since": "2026-01-01T00:00:00Z",
    "until": "2026-02-01T00:00:00Z",
    "frauds": 16,
    "goods": 200,
    "fraud_amount": {"EUR": 990000},
    "is_whole": True,
    "stopped": _CAUGHT,
    "rules": [_CAUGHT | {"rule": "amount_limit", "action": "block"}],
    "rule_sets": [
        _CAUGHT | {"rule_set": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "labelled": 216}
    ],
    "outcomes": [_CAUGHT | {"outcome": "decline"}],
}


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Measure decisions against labels (operators, analysts, administrators)",
    responses={
        DONE: success(Quality, "Precision, recall, false positives and money caught", EXAMPLE),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_quality(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    since: Annotated[Instant, Query(description="Asked for then or later", examples=["2026-01-01T00:00:00Z"])],
    until: Annotated[Instant, Query(description="Asked for before then", examples=["2026-02-01T00:00:00Z"])],
) -> Response:
    """Measure rules, rule sets and outcomes on payments of a time of which somebody has said what they were."""
    if since >= until:
        raise invalid_request([("query/until", "must be after `since`")])
    return json_response(await parts.queries.ask(GetQuality.model_construct(since=since, until=until), context))
