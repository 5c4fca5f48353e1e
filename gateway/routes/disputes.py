"""Disputes: a customer's bank takes a payment back, unless the merchant's evidence convinces it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7
from starlette.responses import Response

from contracts.payments import (
    PAGE_LIMIT,
    Dispute,
    DisputePage,
    DisputeStatus,
    Evidence,
    GetDispute,
    ListDisputes,
    SubmitEvidence,
)
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import DONE, FOLLOWS, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import payment_intents

router = APIRouter(route_class=CardlessRoute, prefix="/v1/disputes", tags=["payments"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-a000-7a99-8caa-adbecf0f3301",
    "payment_intent": payment_intents.EXAMPLE["id"],
    "processor": "sandbox",
    "amount": 1250,
    "currency": "EUR",
    "reason": "product_not_received",
    "status": "needs_response",
    "funds": "held",
    "evidence_due_by": "2026-01-27T00:00:00.000000Z",
    "created_at": "2026-01-20T08:00:00.000000Z",
    "updated_at": "2026-01-20T08:00:00.050000Z",
}
_EVIDENCE = {"shipping_tracking_number": "1Z999AA10123456784"}
_ANSWERED = EXAMPLE | {"status": "under_review", "evidence": _EVIDENCE}
_LOCATION = f"/v1/disputes/{EXAMPLE['id']}"
_UNKNOWN = {"dispute_not_found": "No payment of yours has a dispute with this id."}
_REFUSALS = {
    **_UNKNOWN,
    "dispute_closed": "The dispute was won or lost already.",
    "evidence_submitted": "The dispute has been answered already; it is answered once.",
    "processor_refused": "The processor did not take the request.",
}
_WRONG_EVIDENCE = ("body/evidence", "Dictionary should have at least 1 item after validation, not 0")


class NewEvidence(Body):
    """What speaks against the dispute, by name: up to 20 texts."""

    evidence: Evidence


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List disputes",
    responses={
        DONE: success(DisputePage, "Disputes, newest first", {"disputes": [EXAMPLE], "next_before": None}),
        **problems(asks="payments", scope="payments"),
    },
)
async def list_disputes(
    caller: PaymentsCaller,
    parts: PartsDep,
    context: ContextDep,
    payment_intent: Annotated[UUID7 | None, Query(description="Only those of one payment")] = None,
    status: Annotated[DisputeStatus | None, Query()] = None,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List the disputes of the payments of which you are customer or merchant, newest first."""
    query = ListDisputes.model_construct(
        party=caller.user, payment_intent=payment_intent, status=status, before=before, limit=limit
    )
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{dispute_id}",
    response_model=None,
    summary="Read a dispute",
    responses={DONE: success(Dispute, "The dispute", EXAMPLE), **problems(_UNKNOWN, asks="payments", scope="payments")},
)
async def get_dispute(dispute_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read a dispute of a payment of which you are customer or merchant; `funds` is where its money is."""
    _check_id(dispute_id)
    query = GetDispute.model_construct(id=dispute_id, party=caller.user)
    return json_response(await parts.queries.ask(query, context))


@router.post(
    "/{dispute_id}/evidence",
    response_model=None,
    summary="Answer a dispute",
    responses={
        DONE: success(Dispute, "The processor has it", _ANSWERED),
        FOLLOWS: success(Dispute, "Recorded; follow the operation at `Location`", EXAMPLE, _LOCATION),
        **problems(_REFUSALS, scope="payments", wrong_body=_WRONG_EVIDENCE, command=True, cards=True),
    },
)
async def submit_evidence(
    dispute_id: UUID,
    body: NewEvidence,
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Answer a dispute, once and before `evidence_due_by`; only the payment's merchant may.

    Evidence that the processor refuses is a 402 that embeds the dispute, and can be given again.
    """
    _check_id(dispute_id)
    command = SubmitEvidence.model_construct(
        dispute_id=dispute_id,
        merchant=caller.user,
        evidence=body.evidence,
        idempotency=headers.idempotency(caller.user, "submit_evidence", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


def _check_id(dispute_id: UUID) -> None:
    if not is_ours(dispute_id):
        raise ProblemError("dispute_not_found", _UNKNOWN["dispute_not_found"], parameter="dispute_id")
