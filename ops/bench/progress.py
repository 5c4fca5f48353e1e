"""How far a run is, on standard error, so that standard output carries the report alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

TICK_SECONDS = 0.25


def progress_bars() -> Progress:
    """Return the bars of one run."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


@asynccontextmanager
async def timed(bars: Progress, description: str, seconds: float) -> AsyncIterator[None]:
    """Show a bar that fills in `seconds` while the block runs."""
    task = bars.add_task(description, total=seconds)

    async def fill() -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            bars.advance(task, TICK_SECONDS)

    filler = asyncio.create_task(fill())
    try:
        yield
    finally:
        filler.cancel()
        bars.update(task, completed=seconds)
