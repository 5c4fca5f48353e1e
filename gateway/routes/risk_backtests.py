"""Backtests: what a rule set would have decided about payments of the past."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import (
    FLIPS_LIMIT,
    MOST_BACKTESTED,
    Backtest,
    BacktestPage,
    CancelBacktest,
    FlipPage,
    GetBacktest,
    ListBacktestFlips,
    ListBacktests,
    StartBacktest,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskReader, RiskWriter
from gateway.instants import Instant
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.risk_rule_sets import FLIP_EXAMPLE, HASH, known_hash

PREFIX = "/v1/risk/backtests"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["risk"])

_ID = "01990f3e-8d42-7e66-af77-7a88b99c0007"
LOCATION = f"{PREFIX}/{_ID}"
_NONE_STOPPED = {"stopped": 0, "frauds": 0, "goods": 0}
_STARTED: dict[str, Any] = {
    "id": _ID,
    "rule_set": HASH,
    "status": "running",
    "since": "2025-12-01T00:00:00Z",
    "until": "2026-01-01T00:00:00Z",
    "limit": 500_000,
    "total": 0,
    "payments": 0,
    "not_judged": 0,
    "flips": 0,
    "flips_kept": 0,
    "outcomes": [],
    "quality_before": _NONE_STOPPED,
    "quality_after": _NONE_STOPPED,
    "rules": [],
    "asked_by": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99",
    "asked_at": "2026-01-05T09:30:00.123456Z",
}
EXAMPLE = _STARTED | {
    "status": "completed",
    "total": 1000,
    "payments": 1000,
    "flips": 20,
    "flips_kept": 20,
    "outcomes": [
        {"before": "approve", "after": "approve", "payments": 980, "frauds": 5, "goods": 900},
        {"before": "approve", "after": "review", "payments": 20, "frauds": 15, "goods": 5},
    ],
    "quality_after": {
        "stopped": 20,
        "frauds": 15,
        "goods": 5,
        "precision": 0.75,
        "recall": 0.75,
        "false_positive_rate": 0.0055,
    },
    "rules": [{"rule": "large", "payments": 20, "frauds": 15, "goods": 5}],
    "ended_at": "2026-01-05T09:30:02.123456Z",
}
_UNKNOWN = {"backtest_not_found": "There is no backtest with this id."}
_NOT_STARTED = {
    "rule_set_not_found": "There is no rule set with this hash.",
    "backtest_running": "A backtest runs; wait for its end, or cancel it.",
    "period_empty": "The time ends before it starts.",
}
_ENDED = {"backtest_ended": "The backtest has ended already."}


class NewBacktest(Body):
    """What is to be judged by which rule set."""

    rule_set: Annotated[str, Field(max_length=64, description="Its hash", examples=[HASH])]
    since: Annotated[
        Instant, Field(description="Payments asked for at this time or later", examples=[EXAMPLE["since"]])
    ]
    until: Annotated[Instant, Field(description="Payments asked for before this time", examples=[EXAMPLE["until"]])]
    limit: Annotated[int, Field(ge=1, le=MOST_BACKTESTED, description="At most so many, the newest")] = 500_000


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Start a backtest (analysts)",
    responses={
        CREATED: success(Backtest, "It runs", _STARTED, LOCATION),
        **problems(
            _NOT_STARTED,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/limit", "Input should be greater than or equal to 1"),
            command=True,
        ),
    },
)
async def start_backtest(
    body: NewBacktest, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Judge past payments, by the values that were seen then. One backtest runs at a time; 50 are kept."""
    command = StartBacktest(
        rule_set=known_hash(body.rule_set),
        by=caller.user,
        since=body.since,
        until=body.until,
        limit=body.limit,
        idempotency=headers.idempotency(caller.user, "start_backtest", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.post(
    "/{backtest_id}/cancellation",
    response_model=None,
    summary="Cancel a backtest (analysts)",
    responses={
        DONE: success(Backtest, "It has ended", EXAMPLE | {"status": "canceled"}),
        **problems(_UNKNOWN | _ENDED, scope=Scope.RISK_WRITE, command=True),
    },
)
async def cancel_backtest(
    backtest_id: UUID, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """End a backtest; what it has found so far stays."""
    idempotency = headers.idempotency(caller.user, "cancel_backtest")
    command = CancelBacktest(backtest=_known(backtest_id), by=caller.user, idempotency=idempotency)
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List backtests (operators, analysts, administrators)",
    responses={
        DONE: success(BacktestPage, "The backtests that are kept, newest first", {"backtests": [EXAMPLE]}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_backtests(_caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """List the backtests that are kept."""
    return json_response(await parts.queries.ask(ListBacktests(), context))


@router.get(
    "/{backtest_id}",
    response_model=None,
    summary="Read a backtest (operators, analysts, administrators)",
    responses={
        DONE: success(Backtest, "The backtest, as far as it is", EXAMPLE),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_backtest(backtest_id: UUID, _caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Read how far it is, how many payments come out how, and how good that is by what is known of them."""
    return json_response(await parts.queries.ask(GetBacktest(id=_known(backtest_id)), context))


@router.get(
    "/{backtest_id}/flips",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List what comes out otherwise (operators, analysts, administrators)",
    responses={
        DONE: success(FlipPage, "Payments, newest first", {"flips": [FLIP_EXAMPLE], "next_before": None}),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_flips(
    backtest_id: UUID,
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=FLIPS_LIMIT)] = 100,
) -> Response:
    """List payments that come out otherwise, the first 20,000 found; the backtest tells how many there are."""
    query = ListBacktestFlips(backtest=_known(backtest_id), before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


def _known(backtest_id: UUID) -> UUID:
    """Return an id that could be one. Raises ProblemError `backtest_not_found`."""
    if not is_ours(backtest_id):
        raise ProblemError("backtest_not_found", _UNKNOWN["backtest_not_found"], parameter="backtest_id")
    return backtest_id
