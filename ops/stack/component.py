"""What the supervisor must know of one process: how it starts, when it is healthy, how it is stopped."""

import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ops.stack.account import Account

# A probe returns None when the process does its work, else the reason why not. It never waits long.
Probe = Callable[[], Awaitable[str | None]]
Hook = Callable[[], Awaitable[None]]


def bare_environment() -> dict[str, str]:
    """Return what a program needs that reads no settings of ours."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}


class State(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"  # for what it depends on
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"  # runs, but its probe fails
    DONE = "done"  # a one-shot that ended well
    DEAD = "dead"  # ended unasked; about to be restarted
    STOPPED = "stopped"  # ended because it was asked to


async def always() -> bool:
    """Return True: a component that is needed in every run."""
    return True


async def nothing() -> None:
    """Do nothing: the hook of a component that needs none."""


async def always_healthy() -> str | None:
    """Return None: the probe of a component that is healthy as soon as it runs."""
    return None


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the stack. All deadlines are in seconds."""

    name: str
    argv: tuple[str, ...]
    probe: Probe = always_healthy
    environment: Mapping[str, str] = field(default_factory=bare_environment, repr=False)  # all of it; holds secrets
    port: int | None = None
    after: tuple[str, ...] = ()  # the components that must be healthy before its first start, and outlive it
    uses: tuple[str, ...] = ()  # the components that it does not wait for, but that must outlive it too
    prepare: Hook = nothing  # before every start
    once_healthy: Hook = nothing  # after every start, as soon as the probe succeeds, or a one-shot has ended well
    # If given, its process is started once these are healthy, loads its code, and begins its work, at a line on its
    # standard input, only when all of `after` are.
    loads_after: tuple[str, ...] | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    start_deadline: float = 90.0
    stop_deadline: float = 15.0
    one_shot: bool = False  # runs to its end once, and must end with exit code 0
    needed: Callable[[], Awaitable[bool]] = always  # whether a one-shot has anything to do
