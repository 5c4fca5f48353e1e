"""How far training or evaluation is, on standard error, so that standard output carries the report alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SAY_EVERY_SECONDS = 15.0

Tell = Callable[[int], None]
"""Hears how many of a step are done."""


class Steps:
    """The steps of one run: bars on a terminal, a line now and then anywhere else."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=self._console, transient=True)

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Tell]:
        """Show a step while the block runs; lend what tells how far it is."""
        if not self._console.is_terminal:
            yield self._lines(name, total)
            return
        with self._bars:
            task: TaskID = self._bars.add_task(name, total=total)
            yield lambda done: self._bars.update(task, completed=done)
            self._bars.remove_task(task)

    def warn(self, sentence: str) -> None:
        """Say what whoever reads the report should know."""
        self._console.print(f"Note: {sentence}.", highlight=False, soft_wrap=True)

    def _lines(self, name: str, total: int | None) -> Tell:
        self._console.print(f"{name} ...", highlight=False)
        said = monotonic()

        def tell(done: int) -> None:
            nonlocal said
            if total and monotonic() - said >= SAY_EVERY_SECONDS:
                said = monotonic()
                self._console.print(f"{name}: {done:,} of {total:,}", highlight=False)

        return tell
