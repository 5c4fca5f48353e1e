"""Ctrl-C and its kin as a cancellation, after which clean-up runs to its end."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):  # noqa: N818 - a wish, not an error
    """The work was asked to end, by a signal, and clean-up is done."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.exit_code = 128 + number


async def interruptible(work: Coroutine[Any, Any, T], clean_up: Callable[[], Awaitable[None]]) -> T:
    """Return what the work returns, after the clean-up, which runs whatever happens.

    The first signal cancels the work; none disturbs the clean-up. Raises Interrupted when there was one.
    """
    task = asyncio.create_task(work)
    received: list[signal.Signals] = []

    def interrupt(number: signal.Signals) -> None:
        if not received:
            task.cancel()
        received.append(number)

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt, number)
    try:
        try:
            result = await task
        finally:
            await clean_up()
    except asyncio.CancelledError:
        if not received:
            raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    if received:
        raise Interrupted(received[0])
    return result
