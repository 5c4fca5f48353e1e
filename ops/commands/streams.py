"""`ledgerlink streams` and `ledgerlink consumers`: what waits in NATS JetStream, and for whom."""

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.asking import NOT_DONE, done
from ops.commands.options import DEFAULT_DATA_DIR, DataDir

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ops.streams import ConsumerReport, StreamReport

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array instead of a table.")]
MISSING = "missing: make it with `ledgerlink provision`"
FOREIGN = "of another version: nobody reads it"


def streams(data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Show each stream: messages, bytes, how many consumers read it, when the newest message came (UTC).

    Asks NATS of the running stack, or of OPERATOR_NATS_URL, as the operator's own user (OPERATOR_NATS_SEED). Exits with
    code 1 when a stream lacks, or NATS does not answer.

    [bold]Examples[/bold]

      $ ledgerlink streams

      $ ledgerlink streams --json | jq '.[] | select(.messages > 0) | {name, messages, bytes}'
    """
    import orjson

    found = done(_streams(data_dir))
    if as_json:
        typer.echo(orjson.dumps([stream.model_dump(mode="json") for stream in found], option=orjson.OPT_INDENT_2))
    else:
        _show_streams(found)
    raise typer.Exit(0 if all(stream.exists for stream in found) else NOT_DONE)


def consumers(
    stream: Annotated[str | None, typer.Option(help="Only those that read this stream.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Show each durable consumer: what waits for it, what it has in hand, what it was handed again, and when (UTC).

    Lag counts messages that it was not handed yet; pending, those that it was handed and is not done with; redelivered,
    those of them that it was handed more than once. Exits with code 1 when a consumer lacks, or NATS does not answer.

    [bold]Examples[/bold]

      $ ledgerlink consumers

      $ ledgerlink consumers --stream WALLET_COMMANDS

      $ ledgerlink consumers --json | jq '.[] | select(.lag + .pending_acks > 0) | {name, lag, pending_acks}'
    """
    import orjson

    found = [c for c in done(_consumers(data_dir)) if stream in {None, c.stream}]
    if not found:
        typer.echo(f"Error: there is no stream {stream}, or nobody reads it; see `ledgerlink streams`.", err=True)
        raise typer.Exit(NOT_DONE)
    if as_json:
        typer.echo(orjson.dumps([consumer.model_dump(mode="json") for consumer in found], option=orjson.OPT_INDENT_2))
    else:
        _show_consumers(found)
    raise typer.Exit(0 if all(consumer.exists for consumer in found) else NOT_DONE)


async def _streams(data_dir: "Path") -> "list[StreamReport]":
    from ops.operator_access import connected, find_broker
    from ops.streams import read_streams

    async with connected(find_broker(data_dir)) as nc:
        return await read_streams(nc)


async def _consumers(data_dir: "Path") -> "list[ConsumerReport]":
    from ops.operator_access import connected, find_broker
    from ops.streams import read_consumers

    async with connected(find_broker(data_dir)) as nc:
        return await read_consumers(nc)


def _show_streams(found: "list[StreamReport]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Streams (UTC)", title_justify="left")
    for heading in ("Stream", "Messages", "Bytes", "Consumers", "Newest"):
        right = heading in {"Messages", "Bytes", "Consumers"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading == "Stream")
    for stream in found:
        numbers = [f"{stream.messages:,}", f"{stream.bytes:,}", str(stream.consumers)] if stream.exists else [""] * 3
        table.add_row(stream.name, *numbers, _when(stream.stored_at, _trouble(stream)))
    Console().print(table)


def _show_consumers(found: "list[ConsumerReport]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Durable consumers, below the stream that they read (UTC)", title_justify="left")
    for heading in ("Consumer", "Lag", "Pending", "Redelivered", "Last handed out"):
        right = heading in {"Lag", "Pending", "Redelivered"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading == "Consumer")
    for stream, members in groupby(sorted(found, key=lambda c: c.stream), key=lambda c: c.stream):
        table.add_section()
        table.add_row(f"[bold]{stream}[/bold]")
        for consumer in members:
            numbers = (consumer.lag, consumer.pending_acks, consumer.redelivered)
            cells = [f"{number:,}" for number in numbers] if consumer.exists else [""] * 3
            table.add_row(f"  {consumer.name}", *cells, _when(consumer.delivered_at, _trouble(consumer)))
    Console().print(table)


def _trouble(found: "StreamReport | ConsumerReport") -> str | None:
    if not found.exists:
        return f"[red]{MISSING}[/red]"
    return None if found.known else f"[yellow]{FOREIGN}[/yellow]"


def _when(moment: "datetime | None", trouble: str | None) -> str:
    return trouble or (f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "")
