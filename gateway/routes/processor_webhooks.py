"""POST /v1/webhooks/{processor}: what processors say of their own accord, kept as it came before it is acknowledged."""

import re
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from contracts.payments import AcceptWebhook
from gateway.dependencies import ContextDep, PartsDep
from gateway.openapi import problems
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError

PREFIX = "/v1/webhooks/"
router = APIRouter(tags=["webhooks"])

EXAMPLE: dict[str, Any] = {"id": "01990f3e-a100-7aaa-8cbb-becfd0a14401", "received": True}
_PROCESSOR = re.compile("[a-z0-9_]{1,40}")
_PASSED_ON = ("content-type", "user-agent")
_SIGNED_BY = ("webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature")
_UNKNOWN = "No processor has this name here."
_REFUSALS = {
    "processor_not_found": _UNKNOWN,
    "signature_invalid": "The signature does not belong to this body and time; sign the body byte for byte.",
    "webhook_malformed": "The signature is right, but the body is not an event of this processor.",
    "body_too_large": "A body may have at most 262144 bytes.",
}
_SENT = {
    "id": "evt_4711",
    "type": "operation.updated",
    "created": "2026-01-05T09:32:00Z",
    "data": {"operation": {"operation_id": "01990f3e-8d41-7e66-af77-7a88b99c0002", "status": "approved"}},
}
_DOCUMENTED = {
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": "As the processor signs: Standard Webhooks' three, or Stripe's one",
            "schema": {"type": "string"},
        }
        for name in _SIGNED_BY
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": _SENT}},
    },
}


@router.post(
    PREFIX + "{processor}",
    response_model=None,
    summary="Take a processor's webhook",
    openapi_extra=_DOCUMENTED,
    responses={
        DONE: {
            "description": "Kept: it takes effect, once, however often it is sent",
            "content": {"application/json": {"schema": {"type": "object"}, "example": EXAMPLE}},
        },
        **problems(_REFUSALS, asks="payments"),
    },
)
async def accept_webhook(processor: str, request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Keep an event of a processor. Its signature, of the body byte for byte, is what lets it in: it needs no token."""
    if not _PROCESSOR.fullmatch(processor):
        raise ProblemError("processor_not_found", _UNKNOWN, parameter="processor")
    headers = {name: request.headers[name] for name in (*_SIGNED_BY, *_PASSED_ON) if name in request.headers}
    query = AcceptWebhook.model_construct(processor=processor, headers=headers, body=await request.body())
    kept = await parts.queries.ask(query, context)
    return json_response({"id": kept["id"], "received": True})
