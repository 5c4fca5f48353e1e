"""Query parameters, read without guessing: a misspelt instant would be answered with the present."""

import re
from collections import Counter
from collections.abc import Collection, Iterator

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request

from gateway.error_handlers import invalid_request

_MAX_ERRORS = 20
_MAX_NAME = 64
_MEMBER = re.compile(r"(\w+)\[.+\]", re.DOTALL)
"""One member of a parameter that is an object (OpenAPI's style `deepObject`): `metadata[order]`."""


async def _check(request: Request) -> None:
    route: APIRoute = request.scope["route"]
    known = list(_names(route.dependant))
    times = Counter(name for name, _ in request.query_params.multi_items())
    unknown = f"not a parameter of this resource; it takes {', '.join(f'`{name}`' for name in known)}"
    errors = [
        (f"query/{name[:_MAX_NAME]}", "given more than once; give it once" if _is_of(known, name) else unknown)
        for name, count in times.items()
        if count > 1 or not _is_of(known, name)
    ]
    if errors:
        raise invalid_request(errors[:_MAX_ERRORS])


def _is_of(known: Collection[str], name: str) -> bool:
    member = _MEMBER.fullmatch(name)
    return (member[1] if member else name) in known


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the query parameters of a route or of what it depends on, and of what that depends on."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from model.model_fields
        else:
            yield field.alias
    for other in dependant.dependencies:
        yield from _names(other)


KNOWN_PARAMETERS_ONLY = Depends(_check)
"""For `dependencies=` of a route: refuses unknown and repeated query parameters with `invalid_request`."""
