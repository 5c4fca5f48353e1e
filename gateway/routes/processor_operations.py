"""Operations at processors whose outcome nobody could find out, and operators who settle them by hand."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.payments import (
    PAGE_LIMIT,
    DoubtfulStatus,
    GetProcessorOperation,
    ListProcessorOperations,
    ProcessorOperation,
    ProcessorOperationPage,
    ProcessorReference,
    SettlementNote,
    SettlementOutcome,
    SettleOperation,
)
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import payment_intents
from gateway.routes.reconciliations import OPERATOR

PREFIX = "/v1/processor_operations"
router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["payments"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-a400-7add-8ffe-e1f2a3d47701",
    "payment_intent": payment_intents.EXAMPLE["id"],
    "verb": "charge",
    "processor": "sandbox",
    "amount": 1250,
    "currency": "EUR",
    "status": "attention",
    "tries": 12,
    "asked_at": "2026-01-05T09:32:00.010000Z",
    "next_at": "2026-01-14T10:37:35.200000Z",
}
SETTLED_EXAMPLE: dict[str, Any] = {name: value for name, value in EXAMPLE.items() if name != "next_at"} | {
    "status": "succeeded",
    "reference": "ch_3PxYz",
    "settled_at": "2026-01-13T14:05:00.000000Z",
    "settlement": {
        "outcome": "succeeded",
        "reference": "ch_3PxYz",
        "note": "Found in the processor's dashboard",
        "settled_by": OPERATOR,
        "settled_at": "2026-01-13T14:05:00.000000Z",
    },
}
_UNKNOWN = {"processor_operation_not_found": "No processor was asked for anything under this id."}
_REFUSALS = {
    "processor_operation_not_in_doubt": "The operation is neither `unknown` nor in need of attention, or not any more.",
    "processor_operation_in_hand": "The processor is being asked about it; look again in half a minute.",
    "settlement_not_possible": "A void can only be settled as succeeded.",
    "reference_required": "A charge or authorisation that succeeded needs the processor's reference.",
    "reference_not_possible": "The reference is that of another operation or payment.",
}


class NewSettlement(Body):
    """What became of it at the processor, and how that is known."""

    outcome: Annotated[
        SettlementOutcome,
        Field(
            examples=["succeeded"],
            description="`succeeded`: it happened, of this amount and currency. `failed`: it did not, and never will.",
        ),
    ]
    reference: Annotated[
        ProcessorReference | None, Field(description="The processor's name for it, where it has none here yet")
    ] = None
    note: SettlementNote


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List operations in doubt (operators, analysts)",
    responses={
        DONE: success(
            ProcessorOperationPage, "Operations, newest first", {"operations": [EXAMPLE], "next_before": None}
        ),
        **problems(asks="payments", scope=Scope.LEDGER_READ),
    },
)
async def list_processor_operations(
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    status: Annotated[
        DoubtfulStatus,
        Query(description="`attention`: a person has to find out. `unknown`: still asked about, and may yet be known"),
    ] = DoubtfulStatus.ATTENTION,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List what processors were asked for and nobody knows the outcome of; nothing else is charged meanwhile."""
    query = ListProcessorOperations.model_construct(status=status, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{operation_id}",
    response_model=None,
    summary="Read an operation at a processor (operators, analysts)",
    responses={
        DONE: success(ProcessorOperation, "The operation", SETTLED_EXAMPLE),
        **problems(_UNKNOWN, asks="payments", scope=Scope.LEDGER_READ),
    },
)
async def get_processor_operation(
    operation_id: UUID, _caller: LedgerReader, parts: PartsDep, context: ContextDep
) -> Response:
    """Read what a processor was asked for, however it stands, and who settled it by hand, if anybody did."""
    _check_id(operation_id)
    query = GetProcessorOperation.model_construct(id=operation_id)
    return json_response(await parts.queries.ask(query, context))


@router.post(
    "/{operation_id}/settlement",
    response_model=None,
    summary="Settle an operation by hand (operators)",
    responses={
        DONE: success(ProcessorOperation, "Settled: the payment goes on, or has failed", SETTLED_EXAMPLE),
        **problems(
            _UNKNOWN | _REFUSALS,
            scope=Scope.LEDGER_WRITE,
            wrong_body=("body/outcome", "Input should be 'succeeded' or 'failed'"),
            command=True,
            cards=True,
        ),
    },
)
async def settle_operation(
    operation_id: UUID,
    body: NewSettlement,
    caller: FundingCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Say in the processor's place what became of an operation, once; what follows is as if the processor had said it.

    Who said so, when and why is kept. Ask the processor first: a later word of theirs moves nothing any more, and one
    that contradicts is told by `payments.operation.needs_attention` only.
    """
    _check_id(operation_id)
    command = SettleOperation.model_construct(
        operation_id=operation_id,
        outcome=body.outcome,
        reference=body.reference,
        note=body.note,
        settled_by=caller.user,
        idempotency=headers.idempotency(caller.user, "settle_operation", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


def _check_id(operation_id: UUID) -> None:
    if not is_ours(operation_id):
        detail = _UNKNOWN["processor_operation_not_found"]
        raise ProblemError("processor_operation_not_found", detail, parameter="operation_id")
