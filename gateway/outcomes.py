"""The HTTP promise: what a command's outcome is as an answer.

201 or 200: committed by the owning service. 202: recorded by it, the operation at Location ends with the outcome.
402: it ended without its effect. 503 `outcome_unknown`: nobody can say now; repeating with the same Idempotency-Key is
safe and finds out, and so does the operation that the problem names.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from contracts.message import Idempotency, Message, Outcome, Problem, Reply
from contracts.risk import AUTHENTICATION_REQUIRED
from gateway.challenges import Scheme, insufficient_authentication, scheme_of
from gateway.operations import OperationName
from gateway.parts import Parts
from gateway.preferences import Preferences
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import RequestContext

CREATED, DONE, FOLLOWS = 201, 200, 202
RETRY_AFTER = {"Retry-After": "1"}
"""When to ask again for what is under way (RFC 9110 §10.2.3)."""
_NOW = 0  # what had been done a moment ago was not enough: however long ago it was, it has to be done again
_NOT_KNOWN = frozenset({"unavailable", "operation_not_found"})


async def carry_out(
    command: Message, success: int, preferences: Preferences, parts: Parts, context: RequestContext
) -> Response:
    """Send the command and answer with its outcome. Raises ProblemError where that is a problem."""
    asked: Idempotency = command.idempotency  # type: ignore[attr-defined]
    operation = OperationName.of(asked)
    wants_final = not preferences.respond_async
    reply = await parts.commands.send(command, context, preferences.wait_seconds, wants_final=wants_final)
    if reply is None:
        reply = await _asked_for(operation, asked, parts.queries, context)
    if reply.problem is not None:
        scheme = scheme_of(context.caller) if context.caller else Scheme.BEARER
        raise problem_of(operation, reply.outcome, reply.problem, reply.resource, scheme)
    if reply.outcome is Outcome.ACCEPTED:
        return follow(operation, reply.resource, preferences)
    headers = preferences.headers
    if success == CREATED:
        headers |= _at("Location", operation.kind.location(reply.resource))
    return json_response(reply.resource, success, headers)


def follow(operation: OperationName, resource: Mapping[str, Any], preferences: Preferences) -> Response:
    """Answer what is under way (RFC 9110 §15.3.3): the resource so far if there is one, else the operation.

    Content-Location is where the answer's body is found again (§8.7), so it names the resource only when it is shown.
    """
    found = {"Location": operation.location} | RETRY_AFTER | preferences.headers
    if resource:
        return json_response(resource, FOLLOWS, found | _at("Content-Location", operation.kind.location(resource)))
    shown = {"id": operation.id, "status": "processing", "operation": operation.name}
    return json_response(shown, FOLLOWS, found | _at("Content-Location", operation.location))


def _at(header: str, location: str | None) -> dict[str, str]:
    return {header: location} if location else {}


async def _asked_for(operation: OperationName, asked: Idempotency, queries: Queries, context: RequestContext) -> Reply:
    """Ask what has become of a command that nobody replied to: a lost reply must not look like a failure."""
    question = operation.kind.asks(scope=asked.scope, key=asked.key, fingerprint=asked.fingerprint)
    try:
        return Reply.model_validate(await queries.ask(question, context))
    except ProblemError as problem:
        if problem.code not in _NOT_KNOWN:
            raise
    detail = (
        "The request may or may not have been carried out yet. Repeat it with the same Idempotency-Key: "
        "it is carried out at most once, and you get its outcome."
    )
    raise ProblemError("outcome_unknown", detail, members={"operation": operation.location})


def problem_of(
    operation: OperationName,
    outcome: Outcome,
    problem: Problem,
    resource: Mapping[str, Any],
    scheme: Scheme = Scheme.BEARER,
) -> ProblemError:
    """Return a refusal, or the decline of what was carried out and ended without its effect, as a problem.

    A payment for which its payer has to authenticate again is a challenge to do so (RFC 9470), which embeds it.
    """
    if outcome is Outcome.COMPLETED and operation.kind.embedded_as is not None:
        embedded = {operation.kind.embedded_as: resource}
        if problem.code == AUTHENTICATION_REQUIRED:
            return insufficient_authentication(problem.detail, _NOW, None, scheme, embedded)
        return ProblemError.declined(problem, **embedded)
    if problem.code == "idempotency_key_in_progress":
        return ProblemError.refused(problem, operation=operation.location)
    return ProblemError.refused(problem)


def json_response(
    resource: Mapping[str, Any], status: int = DONE, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a resource as it came from its owner, without validating it once more."""
    return Response(orjson.dumps(resource), status, headers, "application/json")
