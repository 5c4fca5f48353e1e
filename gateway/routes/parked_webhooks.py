"""Processors' webhooks that have not taken effect yet, for operators: read them, and have one looked at again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7
from starlette.responses import Response

from contracts.identity import Scope
from contracts.payments import PAGE_LIMIT, ListParkedWebhooks, ParkedWebhook, ParkedWebhookPage, RetryWebhook
from gateway.accounts import is_ours
from gateway.bodies import BodyRoute
from gateway.dependencies import ContextDep, FundingCaller, LedgerReader, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.webhook_endpoints import UNCERTAIN

PREFIX = "/v1/parked_webhooks"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["webhooks"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-a500-7aee-8aff-f2a3b4e58801",
    "processor": "sandbox",
    "event_id": "evt_4711",
    "event": "operation.updated",
    "reference": "ch_3PxYz",
    "received_at": "2026-01-05T09:32:00.000000Z",
    "tries": 78,
    "given_up": True,
}
_AGAIN = EXAMPLE | {"given_up": False, "next_look_at": "2026-01-09T08:00:00.000000Z"}
_UNKNOWN = {"parked_webhook_not_found": "No webhook with this id waits, or was given up; it may have taken effect."}


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List parked webhooks (operators, analysts)",
    responses={
        DONE: success(ParkedWebhookPage, "Webhooks, newest first", {"webhooks": [EXAMPLE], "next_before": None}),
        **problems(asks="payments", scope=Scope.LEDGER_READ),
    },
)
async def list_parked_webhooks(
    _caller: LedgerReader,
    parts: PartsDep,
    context: ContextDep,
    *,
    given_up: Annotated[
        bool | None, Query(description="Only those that were given up, or only those that still wait")
    ] = None,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List the verified webhooks of processors that are about nothing that is known here, or contradict what is.

    They are looked at again and again for three days, and then given up.
    """
    query = ListParkedWebhooks.model_construct(given_up=given_up, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.post(
    "/{webhook_id}/retry",
    response_model=None,
    summary="Look at a parked webhook again (operators)",
    responses={
        DONE: success(ParkedWebhook, "It is looked at now", _AGAIN),
        **problems(_UNKNOWN | UNCERTAIN, asks="payments", scope=Scope.LEDGER_WRITE),
    },
)
async def retry_webhook(webhook_id: UUID, _caller: FundingCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Look at a webhook now, also one that was given up; it leaves the list when it takes effect."""
    if not is_ours(webhook_id):
        raise ProblemError("parked_webhook_not_found", _UNKNOWN["parked_webhook_not_found"], parameter="webhook_id")
    query = RetryWebhook.model_construct(id=webhook_id)
    return json_response(await parts.queries.ask_to_change(query, context))
