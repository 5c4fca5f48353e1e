"""Request bodies, read without guessing: unknown and repeated members are refused, not ignored or overwritten."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr
from starlette.responses import Response

from gateway.problems import ProblemError


class Body(BaseModel):
    """A request body. Every field is strict about its JSON type where pydantic would otherwise convert."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _text(secret: SecretStr) -> SecretStr:
    """Refuse half a surrogate pair, which JSON can spell and UTF-8 cannot."""
    if any("\ud800" <= character <= "\udfff" for character in secret.get_secret_value()):
        raise ValueError("not a text that can be written in UTF-8")
    return secret


Password = Annotated[SecretStr, AfterValidator(_text)]


class _StrictJson(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_strict"):
            self._strict = json.loads((await self.body()).decode(), object_pairs_hook=_members)
        return self._strict


class BodyRoute(APIRoute):
    """A route whose JSON body names each member once; RFC 8259 §4 leaves open which of two would count."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, reading through the strict parser."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictJson(request.scope, request.receive))

        return handle_strictly


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ProblemError("malformed_json", f"The member {repeated[:64]!a} is given more than once; give it once.")
    return members
