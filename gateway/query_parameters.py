"""Query parameters, read without guessing: a misspelt instant would be answered with the present."""

from collections import Counter
from collections.abc import Iterator

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from gateway.error_handlers import invalid_request

_MAX_ERRORS = 20
_MAX_NAME = 64


async def _check(request: Request) -> None:
    route: APIRoute = request.scope["route"]
    known = list(_names(route.dependant))
    times = Counter(name for name, _ in request.query_params.multi_items())
    unknown = f"not a parameter of this resource; it takes {', '.join(f'`{name}`' for name in known)}"
    errors = [
        (f"query/{name[:_MAX_NAME]}", "given more than once; give it once" if name in known else unknown)
        for name, count in times.items()
        if name not in known or count > 1
    ]
    if errors:
        raise invalid_request(errors[:_MAX_ERRORS])


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the query parameters of a route or of what it depends on, and of what that depends on."""
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _names(other)


KNOWN_PARAMETERS_ONLY = Depends(_check)
"""For `dependencies=` of a route: refuses unknown and repeated query parameters with `invalid_request`."""
