"""Screenings: customers and beneficiaries who are like parties on sanctions lists, and whether it is them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import (
    SCREENINGS_LIMIT,
    DecideScreening,
    GetScreening,
    ListSanctionsLists,
    ListScreenings,
    SanctionsLists,
    Screening,
    ScreeningOutcome,
    ScreeningPage,
    ScreeningStatus,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY

PREFIX = "/v1/risk/screenings"
LISTS = "/v1/risk/sanctions_lists"
router = APIRouter(route_class=BodyRoute, tags=["risk"])

_ANALYST = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99"
EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-9a42-7e66-af77-7a88b99c0202",
    "subject_kind": "customer",
    "customer": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "payment_intent_id": None,
    "status": "possible",
    "score": 93,
    "listed_name": "Jon EXEMPLAR",
    "party": {
        "source": "un",
        "reference": "QDi.999",
        "kind": "person",
        "names": ["Jon EXEMPLAR", "Abu Exemplar"],
        "birth_dates": ["1963-07-28"],
        "programs": ["Al-Qaida"],
    },
    "opened_at": "2026-01-05T09:30:00.123456Z",
    "screened_name": None,
    "birth_date": None,
    "decisions": [],
}
WHOLE_EXAMPLE = EXAMPLE | {"screened_name": "John Exemplar", "birth_date": "1963-07-28"}
DECIDED_EXAMPLE = EXAMPLE | {
    "status": "dismissed",
    "decisions": [
        {
            "outcome": "dismissed",
            "decided_by": _ANALYST,
            "reason": "Born in another year, in another country",
            "decided_at": "2026-01-05T10:15:00.000000Z",
        }
    ],
}
LISTS_EXAMPLE: dict[str, Any] = {
    "lists": [
        {
            "source": "un",
            "version": 3,
            "format": "xml",
            "published": "2026-01-04T00:00:09.554Z",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "parties": 1003,
            "names": 3962,
            "imported_at": "2026-01-05T07:00:00.000000Z",
        }
    ],
    "customers_waiting": 0,
}
_UNKNOWN = {"screening_not_found": "There is no screening with this id."}
_NOT_DECIDED = _UNKNOWN | {
    "screening_decided": "This has been decided already.",
    "screening_withdrawn": "The list has changed since; there is nothing to decide.",
    "case_claimed": "Another analyst has this case in hand.",
}


class NewScreeningDecision(Body):
    """Whether it is the listed party, and why."""

    outcome: Annotated[ScreeningOutcome, Field(examples=["dismissed"])]
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            pattern="^[^\x00]*$",
            examples=["Born in another year, in another country"],
        ),
    ]


@router.get(
    PREFIX,
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List who is like somebody on a sanctions list (operators, analysts, administrators)",
    responses={
        DONE: success(ScreeningPage, "Matches, newest first", {"screenings": [EXAMPLE], "next_before": None}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_screenings(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    status: Annotated[ScreeningStatus, Query(description="Where they stand")] = ScreeningStatus.POSSIBLE,
    customer: Annotated[UUID7 | None, Query(description="Of one customer, or of those whom they pay")] = None,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=SCREENINGS_LIMIT)] = 20,
) -> Response:
    """List matches with parties on sanctions lists: by default those that wait for an analyst."""
    query = ListScreenings.model_construct(status=status, customer=customer, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    PREFIX + "/{screening_id}",
    response_model=None,
    summary="Read a screening with the name that was screened (analysts)",
    responses={
        DONE: success(Screening, "The match, the subject's name, and all decisions", WHOLE_EXAMPLE),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_WRITE),
    },
)
async def get_screening(screening_id: UUID, _caller: RiskWriter, parts: PartsDep, context: ContextDep) -> Response:
    """Read one match whole, to compare: a customer's name comes from the identity service, which keeps it sealed."""
    query = GetScreening.model_construct(screening_id=_known(screening_id))
    return json_response(await parts.queries.ask(query, context))


@router.post(
    PREFIX + "/{screening_id}/decision",
    response_model=None,
    summary="Dismiss or confirm a match (analysts)",
    responses={
        DONE: success(Screening, "Decided, and remembered", DECIDED_EXAMPLE),
        **problems(
            _NOT_DECIDED,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/outcome", "Input should be 'dismissed' or 'confirmed'"),
            command=True,
        ),
    },
)
async def decide_screening(
    screening_id: UUID,
    body: NewScreeningDecision,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Say whether it is the listed party. The case about it is decided too.

    `dismissed`: it is somebody else; the pair is not asked about again unless the party's data changes. `confirmed`: no
    payment of theirs, or to them, is approved from now on. Either can be changed later; all decisions are kept.
    """
    command = DecideScreening.model_construct(
        screening_id=_known(screening_id),
        outcome=body.outcome,
        decided_by=caller.user,
        reason=body.reason,
        idempotency=headers.idempotency(caller.user, "decide_screening", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.get(
    LISTS,
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Show the sanctions lists in use (operators, analysts, administrators)",
    responses={
        DONE: success(SanctionsLists, "The lists, and how many customers have yet to be screened", LISTS_EXAMPLE),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_sanctions_lists(_caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Show which version of each list names are screened against; `ledgerlink risk sanctions import` brings another."""
    return json_response(await parts.queries.ask(ListSanctionsLists.model_construct(), context))


def _known(screening_id: UUID) -> UUID:
    """Return an id that could be one. Raises ProblemError `screening_not_found`."""
    if not is_ours(screening_id):
        raise ProblemError("screening_not_found", _UNKNOWN["screening_not_found"], parameter="screening_id")
    return screening_id
