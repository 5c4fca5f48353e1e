"""From an answer to a resource."""

from typing import TypeVar

from pydantic import ValidationError

from ledgerlink_client.errors import NotYetError, UnexpectedAnswerError
from ledgerlink_client.models.resource import Answer, Resource
from ledgerlink_client.transport import ACCEPTED, CORRELATION_HEADER, Came

R = TypeVar("R", bound=Resource)


def decoded(came: Came, model: type[R]) -> R:
    """Return the resource of an answer. Raises NotYetError for a 202 without it, UnexpectedAnswerError."""
    response = came.response
    try:
        resource = model.model_validate_json(response.content)
    except ValidationError as error:
        if response.status_code == ACCEPTED:
            raise _not_yet(came) from error
        raise _unexpected(came, error) from error
    resource.came_by(answer_of(came))
    return resource


def answer_of(came: Came) -> Answer:
    """Return how it came."""
    headers = came.response.headers
    return Answer(
        status=came.response.status_code,
        correlation_id=headers.get(CORRELATION_HEADER, ""),
        location=headers.get("Location"),
        idempotency_key=came.idempotency_key,
        attempts=came.attempts,
    )


def _not_yet(came: Came) -> NotYetError:
    location = came.response.headers.get("Location")
    try:
        identifier = str(came.response.json()["id"])
    except (ValueError, KeyError, TypeError):
        identifier = (location or "").rsplit("/", maxsplit=1)[-1]
    return NotYetError(identifier, location, came.idempotency_key)


def _unexpected(came: Came, error: ValidationError) -> UnexpectedAnswerError:
    places = ", ".join(".".join(map(str, found["loc"])) for found in error.errors(include_input=False))
    url = came.response.request.url.path
    message = f"the answer to {came.response.request.method} {url} is not what this client knows: {places}"
    return UnexpectedAnswerError(message, idempotency_key=came.idempotency_key)
