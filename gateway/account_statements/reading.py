"""Reads a whole statement from the wallet service, page by page; all pages are of the moment of the first."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from contracts.wallet import GetStatement
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import RequestContext

PAGE_LINES = 1000
ATTEMPTS = 4
PAUSE_SECONDS = 0.25

Page = Mapping[str, Any]
"""A `contracts.wallet.StatementPage` as JSON."""


async def first_page(queries: Queries, query: GetStatement, context: RequestContext) -> Page:
    """Return the first page, as long as can be. Raises ProblemError."""
    return await queries.ask(query.model_copy(update={"cursor": None, "limit": PAGE_LINES}), context)


async def all_pages(queries: Queries, query: GetStatement, first: Page, context: RequestContext) -> AsyncIterator[Page]:
    """Yield the first page and the following ones. Raises ProblemError when one cannot be had after some attempts."""
    page = first
    yield page
    while cursor := page.get("next_cursor"):
        page = await _next(queries, query.model_copy(update={"cursor": cursor, "limit": PAGE_LINES}), context)
        yield page


async def _next(queries: Queries, query: GetStatement, context: RequestContext) -> Page:
    """Ask again for a page when the wallet service is away for a moment: half of the answer may be out already."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await queries.ask(query, context)
        except ProblemError as problem:
            if problem.code != "unavailable":
                raise
            await asyncio.sleep(attempt * PAUSE_SECONDS)
    return await queries.ask(query, context)
