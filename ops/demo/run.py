"""One demo from the empty directory to the removed one."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ops.demo.place import of_stack
from ops.demo.report import DemoReport
from ops.demo.telling import tell
from ops.interruption import interruptible
from ops.stack.stack import Stack
from ops.stack.supervisor import Observer

PREFIX = "ledgerlink-demo-"


def new_data_dir() -> Path:
    """Return a new, empty directory for one demo."""
    return Path(tempfile.mkdtemp(prefix=PREFIX))


async def run(
    data_dir: Path,
    *,
    keep: bool,
    observer: Observer,
    starting: AbstractContextManager[object],
    show: Callable[[DemoReport], None],
) -> DemoReport:
    """Start a stack in the empty `data_dir`, play, show the report; then stop everything, and delete it unless `keep`.

    `starting` is open for as long as the stack starts. Raises StackError, DemoError, LedgerLinkError
    or Interrupted, all after the clean-up.
    """
    stack = Stack(data_dir, observer=observer)

    async def clean_up() -> None:
        await stack.stop()
        # An interrupted start leaves its threads at work in the directory, for as long as initdb takes.
        await asyncio.get_running_loop().shutdown_default_executor()
        if not keep:
            shutil.rmtree(data_dir)

    async def play() -> DemoReport:
        began = time.monotonic()
        with starting:
            await stack.start()
        report = await tell(of_stack(stack), time.monotonic() - began)
        show(report)
        return report

    return await interruptible(play(), clean_up)
