"""Output that may fail: a closed terminal or pipe must not decide how long the processes live."""

import asyncio
import os
import select
import sys
import threading
from typing import TextIO, cast

from rich.console import Console

LOOK_EVERY = 0.5  # seconds


class Output:
    """A text stream whose failures end the output, and nothing else: what is written from then on goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()  # a live display writes from a thread of its own
        self._was_terminal = stream.isatty()
        self._failed = False

    @property
    def encoding(self) -> str:
        """The stream's encoding."""
        return self._stream.encoding

    @property
    def hung_up(self) -> bool:
        """Whether this is a terminal, and it was closed."""
        if not self._was_terminal or self._failed:
            return self._was_terminal
        looking = select.poll()
        looking.register(self._stream, 0)  # a hang-up is told unasked
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in looking.poll(0))

    def write(self, text: str) -> int:
        """Write what can be written; return the length of the text."""
        try:
            self._stream.write(text)
        except OSError:
            self._give_up()
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, if it can be written."""
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def isatty(self) -> bool:
        """Say whether it is a terminal that can still be written to."""
        return self._was_terminal and not self._failed

    def fileno(self) -> int:
        """Return the stream's file descriptor."""
        return self._stream.fileno()

    def _give_up(self) -> None:
        """Let the descriptor lead nowhere, so that what is still buffered fails no more, at exit neither."""
        with self._lock:
            if not self._failed:
                self._failed = True
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


async def hang_up(output: Output) -> None:
    """Wait until the terminal is closed; for good, if it is none."""
    # A poll, because a hang-up signal comes only to those whose controlling terminal it is.
    while not output.hung_up:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY)


def standard_output() -> Output:
    """Return the standard output, as output that may fail."""
    return Output(sys.stdout)


def console_on(output: Output) -> Console:
    """Return a console that writes to it."""
    return Console(file=cast("TextIO", output))
