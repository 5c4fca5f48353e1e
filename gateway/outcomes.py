"""The HTTP promise: what a command's outcome is as an answer.

201 or 200: committed by the owning service. 202: recorded by it, the outcome follows at Location. 402: it ended without
its effect. 503 `outcome_unknown`: nobody can say now; repeating with the same Idempotency-Key is safe and finds out.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

from contracts.message import Message, Outcome, Reply
from gateway.commands import Commands
from gateway.preferences import Preferences
from gateway.problems import ProblemError
from gateway.request_context import RequestContext

CREATED, DONE, FOLLOWS = 201, 200, 202


@dataclass(frozen=True, slots=True)
class Operation:
    """A command to carry out: what it makes or changes, and how to look for that when nobody replied.

    `located_by` names the part of the answer whose id is in the Location, where it is not the answer itself.
    """

    command: Message
    resource_id: UUID
    location: str
    success: int
    find: Callable[[], Awaitable[Reply | None]]
    embedded_as: str | None = None
    located_by: str | None = None


async def carry_out(
    operation: Operation, commands: Commands, preferences: Preferences, context: RequestContext
) -> Response:
    """Send the command and answer with its outcome. Raises ProblemError where that is a problem."""
    wants_final = not preferences.respond_async
    reply = await commands.send(operation.command, context, preferences.wait_seconds, wants_final=wants_final)
    if reply is None:
        reply = await _looked_for(operation)
    headers = {"Preference-Applied": preferences.applied} if preferences.applied else {}
    return _response(operation, reply, headers)


async def _looked_for(operation: Operation) -> Reply:
    """Look whether the command was carried out although no reply came: a lost reply must not look like a failure."""
    try:
        reply = await operation.find()
    except ProblemError as problem:
        if problem.code != "unavailable":
            raise
        reply = None
    if reply is None:
        detail = (
            "The request may or may not have been carried out yet. Repeat it with the same Idempotency-Key: "
            "it is carried out at most once, and you get its outcome."
        )
        raise ProblemError("outcome_unknown", detail)
    return reply


def _response(operation: Operation, reply: Reply, headers: dict[str, str]) -> Response:
    if reply.problem is not None:
        raise _problem(operation, reply)
    resource = reply.resource
    located = resource.get(operation.located_by, {}) if operation.located_by else resource
    location = operation.location.format(located.get("id", operation.resource_id))
    if reply.outcome is Outcome.ACCEPTED:
        resource = resource or {"id": str(operation.resource_id), "status": "processing"}
        return json_response(resource, FOLLOWS, headers | {"Location": location})
    if operation.success == CREATED:
        headers |= {"Location": location}
    return json_response(resource, operation.success, headers)


def _problem(operation: Operation, reply: Reply) -> ProblemError:
    assert reply.problem is not None  # noqa: S101 - for the type checker
    if reply.outcome is Outcome.REFUSED or operation.embedded_as is None:
        return ProblemError.refused(reply.problem)
    return ProblemError.declined(reply.problem, **{operation.embedded_as: reply.resource})


def json_response(resource: Mapping[str, Any], status: int = DONE, headers: dict[str, str] | None = None) -> Response:
    """Return a resource as it came from its owner, without validating it once more."""
    return Response(orjson.dumps(resource), status, headers, "application/json")
