"""Renders PDFs off the event loop, one at a time, and keeps nobody waiting for long."""

import asyncio
from collections.abc import AsyncIterator

from gateway.account_statements.pdf_form import MAX_LINES, render_pdf
from gateway.account_statements.reading import Page
from gateway.problems import ProblemError

WAITING_SECONDS = 10.0
TOO_LONG = f"A PDF has at most {MAX_LINES} lines; take a shorter period, or the CSV (`format=csv`), which has no bound."
_BUSY = "Too many statements are being rendered; ask for this one again in a moment, or for the CSV (`format=csv`)."


class Printer:
    """A turn for each PDF: rendering takes a whole core, and more at a time would only make all of them slow."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def print(self, pages: AsyncIterator[Page]) -> bytes:
        """Return the PDF. Raises ProblemError `statement_too_long`, or `overloaded` when its turn does not come."""
        collected: list[Page] = []
        lines = 0
        async for page in pages:
            lines += len(page["lines"])
            if lines > MAX_LINES:
                raise ProblemError("statement_too_long", TOO_LONG)
            collected.append(page)
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise ProblemError("overloaded", _BUSY) from None
        try:
            return await asyncio.to_thread(render_pdf, collected)
        finally:
            self._turn.release()
