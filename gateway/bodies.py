"""Request bodies, read without guessing: unknown and repeated members are refused, not ignored or overwritten."""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, SecretStr
from starlette.responses import Response

from contracts.wallet import FIRST_DAY, LAST_DAY
from gateway import strict_json


class Body(BaseModel):
    """A request body. Every field is strict about its JSON type where pydantic would otherwise convert."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _text(secret: SecretStr) -> SecretStr:
    """Refuse half a surrogate pair, which JSON can spell and UTF-8 cannot."""
    if any("\ud800" <= character <= "\udfff" for character in secret.get_secret_value()):
        raise ValueError("not a text that can be written in UTF-8")
    return secret


Password = Annotated[SecretStr, AfterValidator(_text)]


def _written_out(value: object) -> object:
    """Refuse what pydantic reads as a time besides: seconds since 1970, as a number or as text."""
    if not isinstance(value, str) or not _DATE_AND_TIME.match(value):
        raise ValueError("not a date and time with its offset, such as 2026-01-05T09:30:00Z (RFC 3339)")
    return value


def _in_range(moment: datetime) -> datetime:
    """Refuse what no ledger needs and a database may not hold; return it in UTC, as every answer tells it."""
    if not _FIRST <= moment < _END:
        raise ValueError("not between the years 1970 and 2100")
    return moment.astimezone(UTC)


_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:")
_FIRST, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
Instant = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_range)]
"""An instant as RFC 3339 writes it, to the microsecond; in UTC, so that its offset makes no difference."""


def _a_day(value: object) -> object:
    """Refuse what pydantic reads as a date besides: midnights, and seconds since 1970."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("not a date such as 2026-01-31")
    return value


def _day_in_range(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"not between {FIRST_DAY} and {LAST_DAY}")
    return day


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Day = Annotated[date, BeforeValidator(_a_day), AfterValidator(_day_in_range)]
"""A calendar date as RFC 3339 writes it."""


def _born(day: date) -> date:
    if not _FIRST_BIRTH <= day <= datetime.now(UTC).date():
        raise ValueError(f"not between {_FIRST_BIRTH} and today")
    return day


_FIRST_BIRTH = date(1900, 1, 1)
BirthDate = Annotated[date, BeforeValidator(_a_day), AfterValidator(_born)]
"""The day on which somebody was born who is still alive, as RFC 3339 writes it."""


def _anything(_body: Any) -> None:
    """Let every body pass."""


class _StrictJson(Request):
    check: Callable[[Any], None]

    async def json(self) -> Any:
        if not hasattr(self, "_strict"):
            body = strict_json.read((await self.body()).decode())
            self.check(body)
            self._strict = body
        return self._strict


class BodyRoute(APIRoute):
    """A route whose JSON body is read strictly (see gateway.strict_json).

    `check` sees the body as it was written, before anything else does, and raises ProblemError to refuse it.
    """

    check: Callable[[Any], None] = staticmethod(_anything)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, reading through the strict parser."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            strict = _StrictJson(request.scope, request.receive)
            strict.check = self.check
            return await handle(strict)

        return handle_strictly
