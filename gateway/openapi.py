"""What the OpenAPI document says of answers: problem documents and headers that many routes share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.problems import KINDS, MEDIA_TYPE, ProblemError

EXAMPLE_CORRELATION_ID = "01990f3e-6f2a-7c3e-9d5b-0b8c6f1e2a10"

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "ProblemDetails",
    "description": "RFC 9457 problem details. `code` is stable; `detail` says what to change.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "correlation_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(KINDS)},
        "parameter": {"type": "string", "description": "What in the request it is about"},
        "correlation_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"location": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "payment_intent": {"type": "object", "description": "The declined payment intent (status 402)"},
    },
}
_ALWAYS = {
    "rate_limited": "Slow down; the next request is admitted in 0.250 seconds.",
    "unavailable": "The wallet service does not answer now; send the request again in a moment.",
}
_WITH_TOKEN = {
    "token_required": "Send an access token as `Authorization: Bearer <token>`; POST /v1/sessions gives one.",
    "insufficient_scope": "This needs an access token with the scope `wallets`.",
}
_WITH_BODY = {
    "malformed_json": "The body is not JSON: Expecting property name enclosed in double quotes, at character 1.",
    "body_too_large": "A body may have at most 65536 bytes.",
    "invalid_request": "body/amount: Input should be greater than 0.",
}
_WRONG_PARAMETER = "path/wallet_id: Input should be a valid UUID, found `s` at 1."
_WITH_KEY = {
    "idempotency_key_required": "Send an Idempotency-Key header, such as a random UUID.",
    "idempotency_key_in_progress": "The first request with this Idempotency-Key is still being worked on.",
    "idempotency_key_reused": "This Idempotency-Key was used with another request; use a new key for a new request.",
    "outcome_unknown": "The request may or may not have been carried out yet. Repeat it with the same Idempotency-Key.",
}


def problems(
    own: Mapping[str, str] = MappingProxyType({}), *, token: bool = True, body: bool = False, command: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route: an entry per status, an example per code; `own` maps code to detail."""
    details = dict(_ALWAYS)
    details |= _WITH_TOKEN if token else {}
    details |= _WITH_BODY if body else {}
    details |= _WITH_KEY if command else {}
    details |= own
    answers: dict[int | str, dict[str, Any]] = {}
    for code, detail in details.items():
        problem = ProblemError(code, detail)
        answer = answers.setdefault(problem.kind.status, {"description": problem.kind.title, "content": {}})
        content = answer["content"].setdefault(
            MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": {}}
        )
        content["examples"][code] = {
            "summary": problem.kind.title,
            "value": problem.document(EXAMPLE_CORRELATION_ID),
        }
    return answers


def success(model: Any, description: str, example: Any) -> dict[str, Any]:
    """Return the entry of `responses=` for a success: its shape, and one real example."""
    return {
        "model": model,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


def add_shared_parts(document: dict[str, Any]) -> dict[str, Any]:
    """Add what routes refer to, and say of every operation what FastAPI cannot know."""
    components = document["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"]["ProblemDetails"] = PROBLEM_SCHEMA
    correlation = {"schema": {"type": "string"}, "description": "Sent back as it came, or made; quote it to support"}
    components["headers"] = {"X-Correlation-Id": correlation}
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation)
    return document


def _complete(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        if parameter["name"].lower() == "idempotency-key":  # optional to FastAPI, so that its lack gets its own code
            parameter["required"] = True
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        responses["422"] = problems({"invalid_request": _WRONG_PARAMETER}, token=False)[422]
    for response in responses.values():
        response.setdefault("headers", {})["X-Correlation-Id"] = {"$ref": "#/components/headers/X-Correlation-Id"}
