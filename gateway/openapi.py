"""What the OpenAPI document says of answers: problem documents and headers that many routes share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.card_numbers import REFUSED as CARD_REFUSED
from gateway.challenges import insufficient_scope, token_required
from gateway.error_handlers import invalid_request
from gateway.openapi_security import add_security
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
        "operation": {"type": "string", "format": "uri-reference", "description": "Where the request can be followed"},
        "violated-policies": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Which rate limits refuse the request (status 429)",
        },
        "missing": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Which parts of an overview did not come, and why (status 503)",
        },
        "payment_intent": {"type": "object", "description": "The declined payment intent (status 402)"},
        "refund": {"type": "object", "description": "The failed refund (status 402)"},
        "dispute": {"type": "object", "description": "The dispute whose evidence was refused (status 402)"},
    },
}
OPERATION_EXAMPLE: dict[str, Any] = {
    "id": "op_cG9zdF90cmFuc2Zlcjo1ZjBjN2E1Mi04ZjBlLTRhNmEtOWQwZi0zZjRmNGMxZDJlM2I",
    "status": "processing",
    "operation": "post_transfer",
}
_OPERATION = f"/v1/operations/{OPERATION_EXAMPLE['id']}"
_FOLLOWED = frozenset({"idempotency_key_in_progress", "outcome_unknown"})
_HEADERS: dict[str, Any] = {
    name: {"schema": schema, "description": description}
    for name, schema, description in (
        ("X-Correlation-Id", {"type": "string"}, "Sent back as it came, or made; quote it to support"),
        ("X-Request-Id", {"type": "string"}, "Names this one request: sent back as it came, or made"),
        ("traceresponse", {"type": "string"}, "The trace that the request belongs to, in the form of a `traceparent`"),
        ("Server-Timing", {"type": "string"}, "Milliseconds that the request spent, and where"),
        ("ETag", {"type": "string"}, "Changes with what is shown; send it as If-None-Match next time"),
        (
            "RateLimit-Policy",
            {"type": "string"},
            "The rate limits that the request is under: quota and window in seconds",
        ),
        ("RateLimit", {"type": "string"}, "What is left of each, and in how many seconds nothing will be missing"),
        ("Retry-After", {"type": "integer", "minimum": 1}, "Seconds until it is worth asking again"),
        ("Preference-Applied", {"type": "string"}, "Which preference of the Prefer header was followed, if one was"),
    )
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what you have, or several of them: 304 without a body when one is of what is shown",
    "schema": {"type": "string"},
}
_EVERYWHERE = ("X-Correlation-Id", "X-Request-Id", "traceresponse", "Server-Timing", "RateLimit-Policy", "RateLimit")
_ALWAYS = {"rate_limited": "Slow down; the next request is admitted in 0.250 seconds."}
_NO_KEYS = "Access tokens cannot be checked now; send the request again in a moment."
_WITH_BODY = {
    "malformed_json": "The body is not JSON: Expecting property name enclosed in double quotes, at character 1.",
    "body_too_large": "A body may have at most 65536 bytes.",
}
_WITH_CARDS = {"card_number_refused": CARD_REFUSED}
_NO_UUID = "Input should be a valid UUID, invalid character: found `s` at 0"
_WITH_KEY = {
    "idempotency_key_required": "Send an Idempotency-Key header, such as a random UUID.",
    "idempotency_key_in_progress": "The first request with this Idempotency-Key is still being worked on.",
    "idempotency_key_reused": "This Idempotency-Key was used with another request; use a new key for a new request.",
    "outcome_unknown": "The request may or may not have been carried out yet. Repeat it with the same Idempotency-Key.",
}


def problems(
    own: Mapping[str, str] = MappingProxyType({}),
    *,
    asks: str | None = None,
    scope: str | None = None,
    wrong_body: tuple[str, str] | None = None,
    command: bool = False,
    cards: bool = False,
) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route: an entry per status, an example per code; `own` maps code to detail.

    `asks` is the service without which the route cannot answer, `scope` what its token must allow (None: no token),
    `wrong_body` a place in its body and what can be wrong there (None: no body). `cards` where somebody might send
    card numbers (see gateway.card_numbers).
    """
    details = _ALWAYS | _with_token(scope)
    details |= _unavailable(asks) if asks else {}
    details |= _WITH_BODY if wrong_body else {}
    details |= _WITH_CARDS if cards else {}
    details |= _WITH_KEY if command else {}
    details |= own
    answers: dict[int | str, dict[str, Any]] = {}
    for code, detail in details.items():
        members = {"operation": _OPERATION} if command and code in _FOLLOWED else None
        _add_example(answers, ProblemError(code, detail, members=members))
    if wrong_body:
        _add_example(answers, invalid_request([wrong_body]))
    return answers


def _with_token(scope: str | None) -> dict[str, str]:
    if scope is None:
        return {}
    refusals = {problem.code: problem.detail for problem in (token_required(), insufficient_scope(scope))}
    return refusals | {"unavailable": _NO_KEYS}


def _unavailable(service: str) -> dict[str, str]:
    return {"unavailable": f"The {service} service does not answer now; send the request again in a moment."}


def _add_example(answers: dict[Any, dict[str, Any]], problem: ProblemError, status: Any = None) -> None:
    """Add a problem to a route's answers, under its status as it is or as the finished document writes it."""
    answer = answers.setdefault(status or problem.kind.status, {"description": problem.kind.title, "content": {}})
    content = answer["content"].setdefault(
        MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": {}}
    )
    value = problem.document(EXAMPLE_CORRELATION_ID)
    content["examples"][problem.code] = {"summary": problem.kind.title, "value": value}


def success(model: Any, description: str, example: Any, location: str | None = None) -> dict[str, Any]:
    """Return the entry of `responses=` for a success: its shape, one real example, and the Location it has, if any."""
    answer = {"model": model, "description": description, "content": {"application/json": {"example": example}}}
    return answer | ({"headers": _location(location)} if location else {})


def _location(example: str) -> dict[str, Any]:
    return {"Location": _reference("Where to read it, now and later", example)}


def _reference(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", "format": "uri-reference"}, "example": example}


def following() -> dict[str, Any]:
    """Return the headers of an answer that shows an operation which may be under way."""
    return {"headers": {"Retry-After": _refer("Retry-After")}}


def _refer(header: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{header}"}


def add_shared_parts(document: dict[str, Any]) -> dict[str, Any]:
    """Add what routes refer to, and say of every operation what FastAPI cannot know."""
    components = document["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"] |= {"ProblemDetails": PROBLEM_SCHEMA}
    components["headers"] = _HEADERS
    for path in document["paths"].values():
        for method, operation in path.items():
            _complete(operation, components["schemas"])
            if method == "get":
                _add_conditional(operation)
    add_security(document)
    return document


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    parameters, responses = operation.get("parameters", []), operation["responses"]
    for parameter in parameters:
        _say_what_is_sent(parameter)
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for parameter in parameters:
        if parameter["in"] in {"path", "query"} and (wrong := _wrong(parameter["schema"])):
            _add_wrong_parameter(responses, f"{parameter['in']}/{parameter['name']}", wrong)
    for response in responses.values():
        response.setdefault("headers", {}).update({name: _refer(name) for name in _EVERYWHERE})
        _add_nulls(response, schemas)
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        _add_following(responses)


def _say_what_is_sent(parameter: dict[str, Any]) -> None:
    """Drop the null of an optional parameter, which nobody can send, and require the key.

    The key is optional to FastAPI, so that its lack gets a problem of its own. An object is sent member by member.
    """
    schema = parameter["schema"]
    for kind in schema.pop("anyOf", []):
        schema |= kind if kind != {"type": "null"} else {}
    if schema.get("type") == "object":
        parameter |= {"style": "deepObject", "explode": True}
    if parameter["name"] == "Idempotency-Key":
        parameter["required"] = True


def _wrong(schema: Mapping[str, Any]) -> str | None:
    """Return what may be wrong with a parameter, None where any text will do."""
    match schema:
        case {"format": "uuid"}:
            return _NO_UUID
        case {"type": "integer"}:
            return "Input should be a valid integer, unable to parse string as an integer"
        case {"maxLength": int(most)}:
            return f"String should have at most {most} characters"
        case {"type": "string"} if schema.keys().isdisjoint({"enum", "format", "pattern", "const"}):
            return None
        case _:
            return "Input should be as its schema says"


def _add_wrong_parameter(responses: dict[str, Any], place: str, wrong: str) -> None:
    """Say what a parameter that cannot be is answered, where no example shows already what an invalid request is."""
    problem = invalid_request([(place, wrong)])
    examples = responses.get("422", {}).get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
    if problem.code not in examples:
        _add_example(responses, problem, "422")


def _add_conditional(operation: dict[str, Any]) -> None:
    """Say how a read is repeated without its body, where it is one whole piece of JSON (gateway.conditional)."""
    answer = operation["responses"].get("200", {})
    if "application/json" not in answer.get("content", {}):
        return
    answer["headers"]["ETag"] = _refer("ETag")
    headers = {name: _refer(name) for name in (*_EVERYWHERE, "ETag")}
    operation["responses"]["304"] = {"description": "You have it already, as If-None-Match says", "headers": headers}
    operation.setdefault("parameters", []).append(_IF_NONE_MATCH)


def _add_following(responses: dict[str, Any]) -> None:
    """Say how every command is followed whose outcome takes longer than its client waits: the same everywhere."""
    answer = responses.setdefault("202", {"description": "Recorded; follow the operation at `Location`", "content": {}})
    content = answer["content"].setdefault("application/json", {})
    operation = {"$ref": "#/components/schemas/Operation"}
    examples = {"operation": {"summary": "Nothing more is known yet", "value": OPERATION_EXAMPLE}}
    headers = answer.setdefault("headers", {name: _refer(name) for name in _EVERYWHERE})
    headers["Content-Location"] = _reference("Where what is shown is found again", _OPERATION)
    if resource := content.pop("schema", None):
        examples = {"resource": {"summary": "As it is now", "value": content.pop("example")}} | examples
        content["schema"] = {"anyOf": [resource, operation]}
        headers["Content-Location"]["example"] = headers["Location"]["example"]
    else:
        content["schema"] = operation
    content["examples"] = examples
    headers["Location"] = _reference("Where to follow the operation", _OPERATION)
    headers["Retry-After"] = _refer("Retry-After")
    for status in responses.keys() & {"200", "201", "202"}:
        responses[status]["headers"]["Preference-Applied"] = _refer("Preference-Applied")


def _add_nulls(response: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Put back what FastAPI leaves out of an example: members that the answer always has, although they are null.

    The last page says so by a null, where services leave it out.
    """
    content = response.get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rsplit("/", maxsplit=1)[-1]
    schema = schemas.get(name, {})
    pages_on = [member for member in schema.get("properties", {}) if member.startswith("next_")]
    for member in (*schema.get("required", []), *pages_on):
        content["example"].setdefault(member, None)
