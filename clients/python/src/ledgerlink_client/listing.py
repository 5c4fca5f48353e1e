"""Lists, page by page, as asynchronous iterators."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from ledgerlink_client.calls import Calls, Query
from ledgerlink_client.errors import UnexpectedAnswerError
from ledgerlink_client.models.resource import Resource

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Page(Generic[R]):
    """A part of a list. `next` continues after it, and is None at the end; before the end a page may be empty."""

    items: list[R]
    next: str | int | None


class Listing(Generic[R]):
    """A list of resources: `async for` reads all of it as it goes, `page` one page.

    `member` is how the API calls the items, `cursor` the parameter that continues, told as `next_<cursor>`.
    """

    def __init__(
        self, calls: Calls, path: str, item: type[R], member: str, *, query: Query, cursor: str = "before"
    ) -> None:
        self._calls, self._path, self._member, self._query, self._cursor = calls, path, member, query, cursor
        self._items = TypeAdapter(list[item])  # type: ignore[valid-type]

    async def page(self, start: str | int | None = None) -> Page[R]:
        """Read one page: the first, or what follows the one whose `next` is `start`."""
        came = await self._calls.read(self._path, {**self._query, self._cursor: start})
        try:
            body: Mapping[str, Any] = from_json(came.response.content)
            items = self._items.validate_python(body[self._member])
        except (ValueError, ValidationError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(f"the answer to GET {self._path} is not a list of {self._member}") from error
        return Page(items, body.get(f"next_{self._cursor}"))

    async def all(self) -> list[R]:
        """Read the whole list."""
        return [item async for item in self]

    async def __aiter__(self) -> AsyncIterator[R]:
        page = await self.page()
        while True:
            for item in page.items:
                yield item
            if page.next is None:
                return
            page = await self.page(page.next)
