"""`ledgerlink demo`: a first payment on a stack of its own, shown hop by hop."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from ops.demo.report import DemoReport


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data, and say how to `up` on it.")] = False,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Play on the new deployment that DEMO_GATEWAY_URL and so on name.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
) -> None:
    """Pay by wallet and card, have payments declined, repeated, captured, refunded; show it all and prove the books.

    Everything runs for real, on free ports and in a temporary directory, beside whatever else runs; at the end all is
    stopped and deleted. Exits with code 1 when a proof fails.

    With --deployed nothing is started: it plays once on a deployment that nobody has paid on yet, and leaves it.

    [bold]Examples[/bold]

      $ ledgerlink demo

      $ ledgerlink demo --keep

      $ ledgerlink demo --json | jq '.payment.hops[] | {message, said_by, said_at_ms}'
    """
    from ops.demo.run import new_data_dir
    from ops.interruption import Interrupted

    if deployed:
        raise typer.Exit(0 if _on_deployment(as_json=as_json).proven else 1)
    data_dir = new_data_dir()
    try:
        report = _json(data_dir, keep=keep) if as_json else _tables(data_dir, keep=keep)
    except Interrupted as interrupted:
        typer.echo("Interrupted; nothing is left running.", err=True)
        raise typer.Exit(interrupted.exit_code) from None
    finally:
        if keep:
            typer.echo(f"The data is kept. Go on with: ledgerlink up --data-dir {data_dir}", err=as_json)
    raise typer.Exit(0 if report.proven else 1)


def _tables(data_dir: "Path", *, keep: bool) -> "DemoReport":
    import asyncio

    from ops.commands.progress import Progress
    from ops.demo.run import run
    from ops.demo.view import show

    progress = Progress()

    def show_all(report: "DemoReport") -> None:
        after = f"{report.started_after_seconds:.1f} s"
        sentence = f"PostgreSQL, NATS, Valkey, five services and the gateway run after {after}.\n"
        progress.console.print(sentence, highlight=False)
        show(report, progress.console)
        progress.console.print("\nStopping ...", highlight=False)

    report = asyncio.run(run(data_dir, keep=keep, observer=progress.changed, starting=progress, show=show_all))
    progress.console.print("Stopped; nothing is left running." if keep else "Stopped and deleted; nothing is left.")
    return report


def _on_deployment(*, as_json: bool) -> "DemoReport":
    import asyncio

    from rich.console import Console

    from ops.demo.place import of_deployment
    from ops.demo.telling import tell
    from ops.demo.view import show

    report = asyncio.run(tell(of_deployment()))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show(report, Console())
    return report


def _json(data_dir: "Path", *, keep: bool) -> "DemoReport":
    import asyncio

    from ops.demo.run import run
    from ops.stack.supervisor import unobserved

    def print_document(report: "DemoReport") -> None:
        typer.echo(report.model_dump_json(indent=2))

    return asyncio.run(run(data_dir, keep=keep, observer=unobserved, starting=nullcontext(), show=print_document))
