"""What did not match of a statement, for operators: read it, and resolve it by a note or by a transfer."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.wallet import (
    PAGE_LIMIT,
    Break,
    BreakPage,
    ListBreaks,
    NoteResolution,
    Reason,
    ResolveBreak,
    TransferResolution,
)
from gateway.accounts import account_not_found, is_ours
from gateway.bodies import Body, BodyRoute, Instant
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, carry_out, json_response
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.refusals import MOVING_DATED, refusals
from gateway.request_context import RequestContext
from gateway.routes.reconciliations import ID, LOCATION, OPERATOR, PATH, UNKNOWN, check_id

router = APIRouter(route_class=BodyRoute, prefix=PATH, tags=["reconciliation"])

BREAK_EXAMPLE = {
    "reconciliation_id": ID,
    "number": 1,
    "kind": "line_without_entry",
    "difference": -500,
    "line": {
        "number": 2,
        "booked_on": "2026-01-31",
        "amount": -500,
        "reference": "FEE-2026-01",
        "description": "Account fee",
    },
}
RESOLVED_EXAMPLE = BREAK_EXAMPLE | {
    "resolution": {
        "note": "The bank's fee of January",
        "transfer_id": "01990f3e-7c30-7d44-9e55-5f66a77b8805",
        "resolved_by": OPERATOR,
        "resolved_at": "2026-02-01T09:12:00.000000Z",
    }
}
_UNKNOWN_BREAK = {"break_not_found": "The reconciliation has no break with this number."}
_RESOLUTION_REFUSALS = {
    "break_already_resolved": "The break has been resolved.",
    "break_matched_later": "A later statement has a line for this entry; only note it.",
    "break_too_large": "The difference is more than one transfer can move; only note it.",
}


@router.get(
    "/{reconciliation_id}/breaks",
    response_model=None,
    summary="List what did not match (operators, analysts)",
    responses={
        DONE: success(BreakPage, "Breaks in their order", {"breaks": [BREAK_EXAMPLE], "next_after": None}),
        **problems(UNKNOWN, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def list_breaks(
    reconciliation_id: UUID,
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    after: Annotated[int, Query(ge=0, lt=2**31, description="`next_after` of the page before")] = 0,
    *,
    unresolved: Annotated[bool, Query(description="Only those without a resolution")] = False,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 50,
) -> Response:
    """List the breaks. `difference` is what the books lack of the statement."""
    check_id(reconciliation_id)
    query = ListBreaks(reconciliation_id=reconciliation_id, after=after, unresolved=unresolved, limit=limit)
    return json_response({"next_after": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{reconciliation_id}/breaks/{number}",
    response_model=None,
    summary="Read a break (operators, analysts)",
    responses={
        DONE: success(Break, "The break", BREAK_EXAMPLE),
        **problems(UNKNOWN | _UNKNOWN_BREAK, asks="wallet", scope=Scope.LEDGER_READ),
    },
)
async def get_break(
    reconciliation_id: UUID,
    number: Annotated[int, Path(ge=1, lt=2**31)],
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Read one break, and how it was resolved."""
    return json_response(await _break(reconciliation_id, number, parts, context))


class NewNote(Body):
    """Explain a break: nothing is posted."""

    kind: Literal["note"]
    note: Annotated[Reason, Field(examples=["Booked by the bank on the next statement"])]


class NewTransferResolution(Body):
    """Put the books right: move the difference between the clearing account and `account_id`."""

    kind: Literal["transfer"]
    note: Annotated[Reason, Field(examples=["The bank's fee of January"])]
    account_id: Annotated[UUID, Field(examples=["01990f3e-0004-7000-8000-000000000004"])]
    effective_at: Annotated[Instant | None, Field(description="When it counts from; without it, now")] = None


NewResolution = Annotated[NewNote | NewTransferResolution, Field(discriminator="kind")]


@router.post(
    "/{reconciliation_id}/breaks/{number}/resolutions",
    status_code=CREATED,
    response_model=None,
    summary="Resolve a break (operators)",
    responses={
        CREATED: success(Break, "The break, resolved", RESOLVED_EXAMPLE, f"{LOCATION}/breaks/1"),
        **problems(
            UNKNOWN
            | _UNKNOWN_BREAK
            | _RESOLUTION_REFUSALS
            | dict(
                refusals(
                    "same_account",
                    "debit_account_not_found",
                    "credit_account_not_found",
                    "currency_mismatch",
                    *MOVING_DATED,
                )
            ),
            asks="wallet",
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/note", "Field required"),
            command=True,
        ),
    },
)
async def resolve_break(
    reconciliation_id: UUID,
    number: Annotated[int, Path(ge=1, lt=2**31)],
    body: NewResolution,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Resolve a break by a note, or by a transfer that is posted together with it, or not at all."""
    check_id(reconciliation_id)
    transfer_id = new_id()
    command = ResolveBreak(
        reconciliation_id=reconciliation_id,
        number=number,
        resolution=_resolution(body, transfer_id),
        resolved_by=caller.user,
        idempotency=headers.idempotency(caller.user, "resolve_break", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


def _resolution(body: NewNote | NewTransferResolution, transfer_id: UUID) -> NoteResolution | TransferResolution:
    if isinstance(body, NewNote):
        return NoteResolution(note=body.note)
    if not is_ours(body.account_id):
        raise account_not_found("account_id")
    return TransferResolution(
        note=body.note, transfer_id=transfer_id, account_id=body.account_id, effective_at=body.effective_at
    )


async def _break(reconciliation_id: UUID, number: int, parts: Parts, context: RequestContext) -> Mapping[str, Any]:
    check_id(reconciliation_id)
    query = ListBreaks(reconciliation_id=reconciliation_id, after=number - 1, limit=1)
    found: list[Mapping[str, Any]] = (await parts.queries.ask(query, context))["breaks"]
    if not found or found[0]["number"] != number:
        raise ProblemError("break_not_found", _UNKNOWN_BREAK["break_not_found"], parameter="number")
    return found[0]
