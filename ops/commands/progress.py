"""What `ledgerlink up` shows: a live list of the processes on a terminal, plain lines anywhere else."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from ops.commands.output import console_on, standard_output
from ops.stack.component import State

READY = {State.HEALTHY, State.DONE}
REFRESHES_PER_SECOND = 12


class Progress:
    """Observes a stack's processes. As a context manager it shows them start; after `watch` it tells of restarts.

    What cannot be printed is dropped: no method raises OSError.
    """

    def __init__(self) -> None:
        self.output = standard_output()
        self.console = console_on(self.output)
        self._began = time.monotonic()
        self._states: dict[str, State] = {}
        self._seconds: dict[str, float] = {}
        self._spinners: dict[str, Spinner] = {}
        self._live: Live | None = None
        self._tells = False

    def changed(self, name: str, state: State) -> None:
        """Take note of a process's new state."""
        before = self._states.get(name)
        if state is before:
            return
        if not self._states and not self.console.is_terminal:
            self.console.print("Starting LedgerLink ...")  # not before: until here it may be refused
        self._states[name] = state
        self._seconds[name] = time.monotonic() - self._began
        if self._live is not None:
            self._live.update(self._table())
        elif self._tells or (not self.console.is_terminal and state in READY):
            self.console.print(f"{name}: {state.value} ({self._seconds[name]:.1f} s)", highlight=False)

    def watch(self) -> None:
        """Tell of every change from now on."""
        self._tells = True

    def quiet(self) -> None:
        """Tell of no change from now on."""
        self._tells = False

    def warn_of_ends(self, names: Sequence[str]) -> None:
        """Tell which processes of a killed run were ended."""
        if names:
            self.console.print(f"Ended what an earlier run had left: {', '.join(names)}", highlight=False)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(
                self._table(), console=self.console, transient=True, refresh_per_second=REFRESHES_PER_SECOND
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, state in self._states.items():
            if state in READY:
                table.add_row("[green]✓[/green]", name, f"{state.value} after {self._seconds[name]:.1f} s")
            elif state is State.DEAD:
                table.add_row("[red]✗[/red]", name, "ended; starting again")
            else:
                spinner = self._spinners.setdefault(name, Spinner("dots"))
                table.add_row(spinner, name, state.value)
        return table
