"""Periods of the ledger: operators close them, and then nothing becomes effective in them any more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.wallet import ClosePeriod, ListPeriods, Period, Periods
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.instants import NO_INSTANT, Instant
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.problems import ProblemError

router = APIRouter(route_class=BodyRoute, prefix="/v1/ledger/periods", tags=["ledger"])

EXAMPLE = {
    "id": "01990f3e-8a00-7c11-8d22-3e33f44a5501",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2026-02-01T00:00:00Z",
    "closed_at": "2026-02-03T08:15:30.123456Z",
    "closed_by": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a02",
}
_LOCATION = f"/v1/ledger/periods/{EXAMPLE['id']}"
_UNKNOWN = "No closed period has the id given as `period_id`; GET /v1/ledger/periods lists them."
_REFUSALS = {
    "period_in_future": "A period can be closed once it has ended; `ends_at` is in the future.",
    "period_too_early": "`ends_at` is not after 1970, when the ledger's time begins.",
    "period_not_after_last": "`ends_at` must be after the end of the newest closed period.",
}


class NewPeriod(Body):
    """The end of a period; it starts where the one before it ended."""

    ends_at: Annotated[Instant, Field(examples=[EXAMPLE["ends_at"]], description="The first instant after the period")]


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Close a period (operators)",
    responses={
        CREATED: success(Period, "Closed for ever", EXAMPLE, _LOCATION),
        **problems(
            _REFUSALS, scope=Scope.LEDGER_WRITE, wrong_body=("body/ends_at", f"Value error, {NO_INSTANT}"), command=True
        ),
    },
)
async def close_period(
    body: NewPeriod, caller: FundingCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Close everything before `ends_at`: no transfer becomes effective there any more, and statements stay as they are.

    A closed period is never opened again; what is wrong in it is corrected by a transfer after it.
    """
    period_id = new_id()
    command = ClosePeriod(
        period_id=period_id,
        ends_at=body.ends_at,
        closed_by=caller.user,
        idempotency=headers.idempotency(caller.user, "close_period", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    summary="List closed periods (operators, analysts)",
    responses={
        DONE: success(Periods, "Closed periods, newest first, at most a hundred", {"periods": [EXAMPLE]}),
        **problems(asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def list_periods(
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[
        Instant | None, Query(description="Those that ended before this, such as the last `ends_at`")
    ] = None,
) -> Response:
    """List closed periods. The next ones are had with the last one's `ends_at` as `before`."""
    return json_response(await parts.queries.ask(ListPeriods.model_construct(before=before), context))


@router.get(
    "/{period_id}",
    response_model=None,
    summary="Read a closed period (operators, analysts)",
    responses={
        DONE: success(Period, "The period", EXAMPLE),
        **problems({"period_not_found": _UNKNOWN}, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_period(
    period_id: UUID,
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Read when a period ended, and who closed it."""
    query = ListPeriods.model_construct(id=period_id)
    found = (await parts.queries.ask(query, context))["periods"] if is_ours(period_id) else []
    if not found:
        raise ProblemError("period_not_found", _UNKNOWN, parameter="period_id")
    return json_response(found[0])
