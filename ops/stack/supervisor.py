"""Starts each component once what it depends on is healthy, keeps all alive, stops them in reverse order."""

import asyncio
from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

from ops.stack import logs
from ops.stack.component import Component, State
from ops.stack.errors import StackError
from ops.stack.keeper import Keeper
from ops.stack.layout import Layout
from ops.stack.state import write_state

BOUND_LOGS_EVERY = 5.0  # seconds
Observer = Callable[[str, State], None]


def unobserved(name: str, state: State) -> None:
    """Take no notice of a change."""


class Supervisor:
    """Runs the components of one data directory. Its caller holds the directory's lock."""

    def __init__(self, components: Sequence[Component], layout: Layout, observer: Observer = unobserved) -> None:
        self._state_file: Path = layout.state
        self._observer = observer
        self._keepers = {c.name: Keeper(c, layout.log(c.name), layout.root, self._changed) for c in components}
        self._known = False
        self._bounding: asyncio.Task[None] | None = None

    def __getitem__(self, name: str) -> Keeper:
        """Return a component's keeper. Raises StackError for an unknown name."""
        try:
            return self._keepers[name]
        except KeyError:
            raise StackError(f"there is no process {name}; there are {', '.join(self._keepers)}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """The components' names, in start order."""
        return tuple(self._keepers)

    async def start(self) -> None:
        """Start everything; independent components at the same time.

        Raises StackError as soon as one fails, after the others were stopped.
        """
        self._known = True
        for keeper in self._keepers.values():
            self._changed(keeper)
        healthy = {name: asyncio.Event() for name in self._keepers}
        try:
            async with asyncio.TaskGroup() as group:
                for keeper in self._keepers.values():
                    group.create_task(_start_after(keeper, healthy))
        except BaseExceptionGroup as failures:
            await self.stop()
            raise _first(failures) from failures
        except asyncio.CancelledError:
            await self.stop()
            raise
        self._bounding = asyncio.create_task(self._bound_logs(), name="bound logs")

    async def stop(self) -> None:
        """Stop everything: each before what it depends on, independent ones at the same time."""
        if self._bounding is not None:
            self._bounding.cancel()
            self._bounding = None
        for level in reversed(self._levels()):
            await asyncio.gather(*(self._keepers[name].stop() for name in level))
        self._known = False
        self._state_file.unlink(missing_ok=True)

    async def healthy(self, names: Sequence[str], deadline: float) -> None:
        """Wait until the named components are healthy. Raises StackError after `deadline` seconds."""
        await asyncio.gather(*(self[name].healthy(deadline) for name in names))

    def _levels(self) -> list[tuple[str, ...]]:
        components = [keeper.component for keeper in self._keepers.values()]
        sorter = TopologicalSorter({c.name: {*c.after, *c.uses} for c in components})
        sorter.prepare()
        levels = []
        while sorter.is_active():
            level = sorter.get_ready()
            levels.append(level)
            sorter.done(*level)
        return levels

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(BOUND_LOGS_EVERY)
            for keeper in self._keepers.values():
                await asyncio.to_thread(logs.bound, keeper.log)

    def _changed(self, keeper: Keeper) -> None:
        if self._known:
            write_state(self._state_file, [k.record for k in self._keepers.values()])
        self._observer(keeper.component.name, keeper.state)


async def _start_after(keeper: Keeper, healthy: dict[str, asyncio.Event]) -> None:
    # These waits are bounded: each start has a deadline, and its failure cancels all of them.
    if keeper.component.loads_after is not None:
        for name in keeper.component.loads_after:
            await healthy[name].wait()
        keeper.load()
    for name in keeper.component.after:
        await healthy[name].wait()
    await keeper.start()
    healthy[keeper.component.name].set()


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure that the person at the terminal can act on, or else the first."""
    told, others = failures.split(StackError)
    error: BaseException = told or others or failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
