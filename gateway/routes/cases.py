"""Cases: what analysts look into, claim, write on and decide; and what a suspicious activity report is made from."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import (
    CASE_EVENTS_LIMIT,
    CASES_LIMIT,
    AddCaseEvidence,
    AddCaseNote,
    Case,
    CaseEventPage,
    CaseKind,
    CasePage,
    CaseStatus,
    ClaimCase,
    DecideCase,
    GetCase,
    GetSuspiciousActivityReport,
    ListCaseEvents,
    ListCases,
    ReleaseCase,
    RiskOutcome,
    SmallDocument,
    SuspiciousActivityReport,
    WebAddress,
)
from gateway import activity_reports
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import risk_decisions

PREFIX = "/v1/cases"
router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["cases"])

_ANALYST = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99"
_OTHER_ANALYST = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a98"
_OPEN: dict[str, Any] = {
    "id": risk_decisions.EXAMPLE["assessment_id"],
    "kind": "payment",
    "status": "open",
    "title": "A payment under review: large_payment_review",
    "customer": risk_decisions.EXAMPLE["payer"],
    "payment_intent_id": risk_decisions.EXAMPLE["payment_intent_id"],
    "amount": 1200000,
    "currency": "EUR",
    "four_eyes": True,
    "opened_at": "2026-01-05T09:32:00.004000Z",
    "due_at": "2026-01-06T09:32:00.004000Z",
    "overdue": False,
    "events": 1,
}
EXAMPLE = _OPEN | {
    "status": "claimed",
    "assignee": _ANALYST,
    "claimed_until": "2026-01-05T11:00:00.000000Z",
    "events": 2,
}
_FIRST = {
    "outcome": "approve",
    "decided_by": _ANALYST,
    "reason": "Called the customer back",
    "decided_at": "2026-01-05T10:15:00.000000Z",
}
_DECIDED_ONCE = _OPEN | {"status": "awaiting_second_decision", "first_decision": _FIRST, "events": 3}
_WRITTEN_ON = EXAMPLE | {"events": 3}
EVENTS_EXAMPLE: list[dict[str, Any]] = [
    {
        "number": 1,
        "kind": "opened",
        "at": "2026-01-05T09:32:00.004000Z",
        "text": "A payment under review: large_payment_review",
    },
    {
        "number": 2,
        "kind": "claimed",
        "actor": _ANALYST,
        "at": "2026-01-05T10:00:00.000000Z",
        "until": "2026-01-05T11:00:00.000000Z",
    },
    {
        "number": 3,
        "kind": "evidence",
        "actor": _ANALYST,
        "at": "2026-01-05T10:05:00.000000Z",
        "title": "The invoice",
        "url": "https://files.example/invoices/2026-0042.pdf",
    },
]
REPORT_EXAMPLE: dict[str, Any] = {
    "case": _DECIDED_ONCE,
    "case_events": EVENTS_EXAMPLE,
    "decision": risk_decisions.EXAMPLE | {"values": {"amount": 1200000}},
    "label": "fraud",
    "related_payments": [
        {
            "payment_intent_id": "01990f3e-7c55-7d21-8f3a-90aa11bb0009",
            "assessment_id": "01990f3e-8d42-7e66-af77-7a88b99c0009",
            "outcome": "approve",
            "amount": 4200,
            "currency": "EUR",
            "direction": "payment",
            "method": "wallet",
            "decided_at": "2026-01-04T18:20:00.000000Z",
        }
    ],
    "related_payments_left_out": False,
    "made_at": "2026-01-05T12:00:00.000000Z",
}
_CSV_EXAMPLE = "part,item,value\r\nsuspicious_activity,amount,1200000\r\n"
_UNKNOWN = {"case_not_found": "There is no case with this id."}
_FULL = {"case_full": "A case has room for 200 events, and this one is full."}
_CLOSED = {"case_closed": "The case has been decided or canceled already."}
_NOT_CLAIMED = {"case_not_claimed": "Claim the case first: you have no claim on it that still holds."}
_CLAIMED = {"case_claimed": "Another analyst has this case in hand."}
_OWN = {"own_account": "Nobody decides about their own payment or their own name."}
_SECOND = {"second_analyst_required": "You have decided about this case; another analyst has to decide too."}
_WORDS = "^[^\x00]*$"


class CaseFilters(BaseModel):
    """What the listed cases must be, all of it; and which page of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Annotated[CaseStatus | None, Field(description="Left out: all that are not closed")] = None
    kind: CaseKind | None = None
    assignee: Annotated[UUID7 | None, Field(description="Claimed by this analyst, with a claim that holds")] = None
    overdue: Annotated[bool | None, Field(description="Whether it should have been decided by now")] = None
    after: Annotated[UUID7 | None, Field(description="`next_after` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=CASES_LIMIT)] = 20


class NewCaseNote(Body):
    """What is to be remembered."""

    note: Annotated[
        str, Field(min_length=1, max_length=4_000, pattern=_WORDS, examples=["The shop confirms the order"])
    ]


class NewCaseEvidence(Body):
    """What speaks for or against: a title, and one of a text, a URL and a small JSON document."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=_WORDS, examples=["The invoice"])]
    text: Annotated[str | None, Field(min_length=1, max_length=4_000, pattern=_WORDS)] = None
    url: Annotated[WebAddress | None, Field(examples=["https://files.example/invoices/2026-0042.pdf"])] = None
    document: Annotated[SmallDocument | None, Field(description="At most 8 KiB as JSON")] = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(given is not None for given in (self.text, self.url, self.document)) != 1:
            raise ValueError("give one of text, url and document")
        return self


class NewCaseDecision(Body):
    """Whether the payment goes on, or whether who was screened is somebody else; and why."""

    outcome: Annotated[Literal["approve", "decline"], Field(examples=["approve"])]
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=_WORDS, examples=["Called the customer back"])]


class ReportForm(StrEnum):
    """The forms of a report."""

    JSON = "json"
    CSV = "csv"


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List cases (operators, analysts, administrators)",
    responses={
        DONE: success(CasePage, "Cases, the one due first first", {"cases": [EXAMPLE], "next_after": None}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_cases(
    _caller: RiskReader, parts: PartsDep, context: ContextDep, filters: Annotated[CaseFilters, Query()]
) -> Response:
    """List cases that wait, or those of one status. A claim that has expired is none: its case is open again."""
    query = ListCases.model_construct(**filters.model_dump())
    return json_response({"next_after": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{case_id}",
    response_model=None,
    summary="Read a case (operators, analysts, administrators)",
    responses={
        DONE: success(Case, "The case as it is now", EXAMPLE),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_case(case_id: UUID, _caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Read one case: who has it, until when it is due, and what was decided. It has the id of what it is about."""
    query = GetCase.model_construct(case_id=_known(case_id))
    return json_response(await parts.queries.ask(query, context))


@router.get(
    "/{case_id}/events",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List what happened with a case (operators, analysts, administrators)",
    responses={
        DONE: success(CaseEventPage, "Events, oldest first", {"events": EVENTS_EXAMPLE, "next_after": None}),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_case_events(
    case_id: UUID,
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    after: Annotated[int, Query(ge=0, le=32_767, description="`next_after` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=CASE_EVENTS_LIMIT)] = CASE_EVENTS_LIMIT,
) -> Response:
    """List claims, notes, evidence and decisions in the order in which they came. None is ever changed."""
    query = ListCaseEvents.model_construct(case_id=_known(case_id), after=after, limit=limit)
    return json_response({"next_after": None} | dict(await parts.queries.ask(query, context)))


@router.post(
    "/{case_id}/claim",
    response_model=None,
    summary="Claim a case (analysts)",
    responses={
        DONE: success(Case, "It is yours until `claimed_until`", EXAMPLE),
        **problems(_UNKNOWN | _CLOSED | _OWN | _CLAIMED | _SECOND | _FULL, scope=Scope.RISK_WRITE, command=True),
    },
)
async def claim_case(
    case_id: UUID, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Take a case in hand for a time (`RISK_CASE_CLAIM_MINUTES`); claim it again to have it for longer."""
    command = ClaimCase.model_construct(
        case_id=_known(case_id), analyst=caller.user, idempotency=headers.idempotency(caller.user, "claim_case")
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{case_id}/release",
    response_model=None,
    summary="Release a case (analysts)",
    responses={
        DONE: success(Case, "Others may claim it", _OPEN | {"events": 3}),
        **problems(_UNKNOWN | _CLOSED | _NOT_CLAIMED | _FULL, scope=Scope.RISK_WRITE, command=True),
    },
)
async def release_case(
    case_id: UUID, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Give back a case that you have claimed."""
    command = ReleaseCase.model_construct(
        case_id=_known(case_id), analyst=caller.user, idempotency=headers.idempotency(caller.user, "release_case")
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{case_id}/notes",
    response_model=None,
    summary="Add a note to a case (analysts)",
    responses={
        DONE: success(Case, "Kept", _WRITTEN_ON),
        **problems(
            _UNKNOWN | _FULL,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/note", "String should have at least 1 character"),
            command=True,
            cards=True,
        ),
    },
)
async def add_case_note(
    case_id: UUID,
    body: NewCaseNote,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Write something down, also on a case of somebody else or one that is closed. It stays as it is."""
    command = AddCaseNote.model_construct(
        case_id=_known(case_id),
        analyst=caller.user,
        note=body.note,
        idempotency=headers.idempotency(caller.user, "add_case_note", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{case_id}/evidence",
    response_model=None,
    summary="Add evidence to a case (analysts)",
    responses={
        DONE: success(Case, "Kept", _WRITTEN_ON),
        **problems(
            _UNKNOWN | _FULL,
            scope=Scope.RISK_WRITE,
            wrong_body=("body", "Value error, give one of text, url and document"),
            command=True,
            cards=True,
        ),
    },
)
async def add_case_evidence(
    case_id: UUID,
    body: NewCaseEvidence,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Keep a text, where something can be found, or a small JSON document. It stays as it is."""
    command = AddCaseEvidence.model_construct(
        case_id=_known(case_id),
        analyst=caller.user,
        **body.model_dump(),
        idempotency=headers.idempotency(caller.user, "add_case_evidence", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{case_id}/decision",
    response_model=None,
    summary="Decide a case (analysts)",
    responses={
        DONE: success(Case, "Decided; above an amount a second analyst decides too", _DECIDED_ONCE),
        **problems(
            _UNKNOWN | _CLOSED | _OWN | _NOT_CLAIMED | _SECOND,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/outcome", "Input should be 'approve' or 'decline'"),
            command=True,
            cards=True,
        ),
    },
)
async def decide_case(
    case_id: UUID,
    body: NewCaseDecision,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Decide a case that you have claimed. The payment goes on or is declined at once, or after the second decision.

    Where two analysts disagree the payment is declined.
    """
    command = DecideCase.model_construct(
        case_id=_known(case_id),
        analyst=caller.user,
        outcome=RiskOutcome(body.outcome),
        reason=body.reason,
        idempotency=headers.idempotency(caller.user, "decide_case", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


def _report_answer() -> dict[str, Any]:
    shown = success(SuspiciousActivityReport, "What a report is made from", REPORT_EXAMPLE)
    shown["content"][activity_reports.MEDIA_TYPE] = {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}
    return shown


@router.get(
    "/{case_id}/suspicious_activity_report",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read what a suspicious activity report is made from (operators, analysts, administrators)",
    responses={DONE: _report_answer(), **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ)},
)
async def get_suspicious_activity_report(
    case_id: UUID,
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    form: Annotated[ReportForm, Query(alias="format")] = ReportForm.JSON,
) -> Response:
    """Read the facts of the payment, the decision with its features and rules, the case and the payer's payments.

    As CSV (`format=csv`) in the groups of the FinCEN SAR. Who files it must not tell whom it is about (31 U.S.C.
    5318(g)(2)).
    """
    found = await parts.queries.ask(GetSuspiciousActivityReport.model_construct(case_id=_known(case_id)), context)
    if form is ReportForm.JSON:
        return json_response(found)
    name = {"Content-Disposition": f'attachment; filename="suspicious-activity-{case_id}.csv"'}
    return Response(activity_reports.csv_of(found), DONE, name, activity_reports.MEDIA_TYPE)


def _known(case_id: UUID) -> UUID:
    """Return an id that could be one of ours. Raises ProblemError `case_not_found`."""
    if not is_ours(case_id):
        raise ProblemError("case_not_found", _UNKNOWN["case_not_found"], parameter="case_id")
    return case_id
