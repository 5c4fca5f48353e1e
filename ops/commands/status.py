"""`ledgerlink status`: every process of the stack, its health and its lags."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir, command_on

if TYPE_CHECKING:
    from ops.stack.inspection import ProcessReport, StackReport

STYLES = {"healthy": "green", "done": "green", "starting": "yellow", "waiting": "yellow"}
ORPHANED = """\
No supervisor: the `ledgerlink up` of these processes was killed, so nothing restarts or stops them.
To take over (they are stopped and started again; the data stays), run: {up}"""


def status(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show each process of the running stack: health, restarts, outbox lag and consumer lag.

    Exits with code 1 when nothing runs, or when the processes run but their supervisor was killed.

    [bold]Examples[/bold]

      $ ledgerlink status

      $ ledgerlink status --json | jq '.processes[] | {name, state}'
    """
    import asyncio

    from ops.stack.inspection import inspect

    report = asyncio.run(inspect(data_dir))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    elif report.running:
        _show(report)
        if not report.supervised:
            typer.echo(ORPHANED.format(up=command_on(data_dir, "up")))
    else:
        typer.echo(f"Nothing runs on {report.data_dir}; start it with: {command_on(data_dir, 'up')}")
    raise typer.Exit(0 if report.running and report.supervised else 1)


def _show(report: "StackReport") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"LedgerLink on {report.data_dir}", title_justify="left")
    table.add_column("Process", no_wrap=True)
    for heading in ("PID", "Port", "State", "Restarts", "Outbox lag", "Consumer lag"):
        table.add_column(heading, justify="right" if heading in {"PID", "Port", "Restarts", "Outbox lag"} else "left")
    for process in report.processes:
        table.add_row(*_cells(process))
    Console().print(table)


def _cells(process: "ProcessReport") -> list[str]:
    style = STYLES.get(process.state.value, "red")
    reason = f" ({process.reason})" if process.reason else ""
    waiting = {name: lag for name, lag in (process.consumer_lag or {}).items() if lag}
    consumers = ", ".join(f"{name}: {lag}" for name, lag in waiting.items()) or "0"
    return [
        process.name,
        _text(process.pid),
        _text(process.port),
        f"[{style}]{process.state.value}[/{style}]{reason}",
        str(process.restarts),
        _text(process.outbox_lag),
        consumers if process.consumer_lag is not None else "",
    ]


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
