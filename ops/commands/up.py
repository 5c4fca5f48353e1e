"""`ledgerlink up`: the whole system on this machine, until Ctrl-C."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir, command_on

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from ops.commands.progress import Progress
    from ops.stack.stack import Stack

DEFAULT_PORT = 8080


def up(
    port: Annotated[
        int, typer.Option(min=1, max=65535, envvar="LEDGERLINK_PORT", help="The gateway's port.")
    ] = DEFAULT_PORT,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the data of earlier runs first.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Start only this process (repeat it for more), e.g. to debug the others.")
    ] = None,
) -> None:
    """Start everything on this machine: PostgreSQL, NATS, Valkey, the services, the gateway, a sandbox processor.

    Needs neither Docker nor installed servers. The data outlives a restart. Ctrl-C stops everything in order.

    [bold]Examples[/bold]

      $ ledgerlink up

      $ ledgerlink up --port 9000

      $ ledgerlink up --fresh --data-dir /tmp/ledgerlink

      $ ledgerlink up --only postgres --only nats
    """
    from ops.commands.progress import Progress
    from ops.stack.stack import EVERYTHING, Stack

    progress = Progress()
    stack = Stack(data_dir, port=port, fresh=fresh, only=only or EVERYTHING, observer=progress.changed)
    asyncio.run(_until_stopped(stack, progress, data_dir))


async def _until_stopped(stack: "Stack", progress: "Progress", data_dir: "Path") -> None:
    from ops.commands.output import hang_up

    stopping = _stop_requested()
    hanging_up = asyncio.create_task(hang_up(progress.output), name="look for a closed terminal")
    hanging_up.add_done_callback(lambda _: stopping.set())
    try:
        with progress:
            started = await _started(stack, stopping)
        if started:
            progress.warn_of_ends(stack.ended_leftovers)
            _show_addresses(progress.console, stack, data_dir)
            progress.watch()
            await stopping.wait()
        progress.console.print("Stopping ...")
    finally:
        hanging_up.cancel()
        progress.quiet()
        await stack.stop()
    progress.console.print("Stopped; nothing is left running.")


def _stop_requested() -> asyncio.Event:
    """Return an event that Ctrl-C, SIGTERM and the closing of the terminal set."""
    import signal

    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, event.set)
    return event


async def _started(stack: "Stack", stopping: asyncio.Event) -> bool:
    """Start the stack; give up and return False when a stop is requested first. Raises StackError."""
    start = asyncio.create_task(stack.start())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not start.done():
        start.cancel()
    try:
        await start
    except asyncio.CancelledError:
        return False
    return True


def _show_addresses(console: "Console", stack: "Stack", data_dir: "Path") -> None:
    from rich.table import Table

    from ops.stack.sandbox_processor import NAME as SANDBOX_PROCESSOR

    table = Table(title="LedgerLink runs", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")  # a path that is cut off leads nowhere
    if "gateway" in stack.supervisor.names:
        gateway = stack.url.replace("127.0.0.1", "localhost")
        table.add_row("API", gateway)
        table.add_row("Documentation", f"{gateway}/docs")
        table.add_row("Metrics", f"{gateway}/metrics")
        table.add_row("Operator", stack.parts.secrets.operator_email)
        table.add_row("Admin", stack.parts.secrets.admin_email)
        table.add_row("Their passwords", f"in {stack.layout.secrets}")
    if SANDBOX_PROCESSOR in stack.supervisor.names:
        table.add_row("Sandbox processor", stack.parts.sandbox_processor.url)
    table.add_row("Data", str(stack.layout.root))
    table.add_row("Logs", str(stack.layout.log("gateway").parent))
    table.add_row("Look at it", command_on(data_dir, "status"))
    table.add_row("Stop it", "Ctrl-C")
    console.print(table)
