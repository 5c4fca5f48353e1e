"""The kinds of request that the API knows, each with what makes it safe to repeat."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from ledgerlink_client.decoding import decoded
from ledgerlink_client.models.resource import Resource
from ledgerlink_client.options import AS_USUAL, Options
from ledgerlink_client.retrying import Repeatable
from ledgerlink_client.transport import Came, Credentials, Request, Transport

R = TypeVar("R", bound=Resource)
Query = Mapping[str, object]


class Calls:
    """Requests over one transport by one caller. All raise LedgerLinkError."""

    def __init__(self, transport: Transport, who: Credentials | None) -> None:
        self.transport, self.who = transport, who

    async def get(self, path: str, model: type[R], query: Query | None = None) -> R:
        """Read a resource."""
        return decoded(await self.read(path, query), model)

    async def read(self, path: str, query: Query | None = None) -> Came:
        """Read whatever is there."""
        return await self.transport.send(Request("GET", path, query=_written(query or {})), self.who)

    async def command(self, path: str, model: type[R], body: Mapping[str, Any] | None, options: Options) -> R:
        """Ask for something that is carried out once, whatever happens on the way: with an Idempotency-Key."""
        request = Request("POST", path, body=body, keyed=True)
        return decoded(await self.transport.send(request, self.who, options), model)

    async def change(self, path: str, model: type[R], body: Mapping[str, Any] | None, *, method: str = "POST") -> R:
        """Ask for something without a key, for which the API takes none; it is repeated only if it was not begun.

        What sets values (PATCH) has the same effect twice, and is repeated as reading is.
        """
        repeatable = Repeatable.ALWAYS if method == "PATCH" else Repeatable.UNLESS_IT_MAY_HAVE_HAPPENED
        request = Request(method, path, body=body, repeatable=repeatable)
        return decoded(await self.transport.send(request, self.who), model)

    async def do(self, path: str, body: Mapping[str, Any] | None = None, *, method: str = "POST") -> None:
        """Ask for something whose answer says nothing."""
        repeatable = Repeatable.ALWAYS if method == "DELETE" else Repeatable.UNLESS_IT_MAY_HAVE_HAPPENED
        await self.transport.send(Request(method, path, body=body, repeatable=repeatable), self.who, AS_USUAL)


def given(**members: Any) -> dict[str, Any]:
    """Return those that are not None: what is left out of a body stays as it is, or as usual."""
    return {name: value for name, value in members.items() if value is not None}


def _written(query: Query) -> dict[str, str | int]:
    """Return a query as it is written in a URL; a mapping becomes `name[key]=value`."""
    written: dict[str, str | int] = {}
    for name, value in query.items():
        match value:
            case None:
                continue
            case Mapping():
                written |= {f"{name}[{key}]": str(one) for key, one in value.items()}
            case bool():
                written[name] = "true" if value else "false"
            case datetime():
                written[name] = value.isoformat()
            case int():
                written[name] = value
            case Enum():
                written[name] = str(value.value)
            case str() | UUID():
                written[name] = str(value)
            case _:
                raise TypeError(f"{name} cannot be part of a URL: {value!r}")
    return written
