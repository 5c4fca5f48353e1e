"""`ledgerlink dlq`: messages that their consumers gave up, and what to do about them."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.asking import NOT_DONE, done
from ops.commands.options import DEFAULT_DATA_DIR, DataDir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.dead_letters import Letter, Replay

app = typer.Typer(help="List, show, replay and drop dead letters.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
Service = Annotated[str | None, typer.Option(help="Only those of this service.")]
Consumer = Annotated[str | None, typer.Option(help="Only those of this durable consumer.")]
Numbers = Annotated[list[int], typer.Argument(min=1, help="The letters' numbers, as `dlq list` tells.")]
MOST = 1000
WORDS = {
    "handled": "{consumer} has handled it",
    "already_handled": "{consumer} had handled it since; nothing was sent, the letter is removed",
    "dead_again": "it is a dead letter again: {reason}",
    "waiting": "sent; {consumer} has not handled it yet (is its service running?)",
}


@app.command("list")
def list_letters(
    service: Service = None,
    consumer: Consumer = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many, the oldest.")] = 100,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """List the messages that a consumer could not handle, oldest first, and why.

    Exits with code 1 when NATS does not answer.

    [bold]Examples[/bold]

      $ ledgerlink dlq list

      $ ledgerlink dlq list --consumer wallet-ledger --json | jq '.[].reason'
    """
    import orjson

    found = done(_list(data_dir, service, consumer, limit))
    if as_json:
        shown = [letter.model_dump(mode="json", exclude={"message", "handled_at"}) for letter in found]
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    elif found:
        _show_all(found)
    else:
        typer.echo("No dead letters.")


@app.command("show")
def show_letter(
    number: Annotated[int, typer.Argument(min=1, help="The letter's number, as `dlq list` tells.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why it is one, where its message stands, the message, and whether it was handled since.

    Exits with code 1 when there is none of that number.

    [bold]Examples[/bold]

      $ ledgerlink dlq show 7

      $ ledgerlink dlq show 7 --json | jq .message.data
    """
    letter = done(_show(data_dir, number))
    typer.echo(letter.model_dump_json(indent=2)) if as_json else _show_one(letter)


@app.command("replay")
def replay_letters(
    numbers: Numbers,
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for what becomes of them.")] = 30.0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Give messages to the consumers that gave them up again: to them alone, under their own ids, in the order given.

    A consumer that has handled a message meanwhile drops it, so that nothing happens twice. What fails again is tried
    as often as at first, and becomes a new dead letter. Exits with code 1 unless all are handled.

    [bold]Examples[/bold]

      $ ledgerlink dlq replay 7

      $ ledgerlink dlq replay $(ledgerlink dlq list --consumer wallet-ledger --json | jq '.[].number')
    """
    import orjson
    from rich.console import Console

    with Console(stderr=True).status("Waiting for the consumers ..."):
        replayed = done(_replay(data_dir, numbers, wait))
    if as_json:
        typer.echo(orjson.dumps([one.model_dump(mode="json") for one in replayed], option=orjson.OPT_INDENT_2))
    else:
        for one in replayed:
            what = WORDS[one.outcome.value].format(consumer=one.consumer, reason=one.reason)
            typer.echo(f"{one.number}: message {one.message_id or 'without an id'}: {what}.")
    raise typer.Exit(0 if all("handled" in one.outcome.value for one in replayed) else NOT_DONE)


@app.command("drop")
def drop_letters(
    numbers: Numbers,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove dead letters for good: their consumers will never handle those messages.

    Exits with code 1 when one does not exist, or when you do not agree.

    [bold]Examples[/bold]

      $ ledgerlink dlq drop 7

      $ ledgerlink dlq drop 7 8 9 --yes
    """
    found = done(_find(data_dir, numbers))
    for letter in found:
        typer.echo(f"{letter.number}: {_what(letter)}, which {letter.consumer} gave up: {letter.reason}")
    if not yes:
        typer.confirm("Drop them? The consumers will never handle these messages.", abort=True)
    done(_drop(data_dir, numbers))
    typer.echo(f"Dropped: {', '.join(str(letter.number) for letter in found)}.")


async def _list(data_dir: Path, service: str | None, consumer: str | None, limit: int) -> "list[Letter]":
    from ops.dead_letters import letters
    from ops.operator_access import connected, find_broker

    async with connected(find_broker(data_dir)) as nc:
        return await letters(nc, service, consumer, limit=limit)


async def _show(data_dir: Path, number: int) -> "Letter":
    from ops.dead_letters import handled
    from ops.service_databases import find_database

    [letter] = await _find(data_dir, [number])
    [letter] = await handled(partial(find_database, data_dir=data_dir), [letter])
    return letter


async def _find(data_dir: Path, numbers: "Sequence[int]") -> "list[Letter]":
    from ops.dead_letters import find
    from ops.operator_access import connected, find_broker

    async with connected(find_broker(data_dir)) as nc:
        return [await find(nc, number) for number in numbers]


async def _replay(data_dir: Path, numbers: "Sequence[int]", wait_seconds: float) -> "list[Replay]":
    from ops.dead_letters import replay
    from ops.operator_access import connected, find_broker
    from ops.service_databases import find_database

    async with connected(find_broker(data_dir)) as nc:
        return await replay(nc, partial(find_database, data_dir=data_dir), numbers, wait_seconds)


async def _drop(data_dir: Path, numbers: "Sequence[int]") -> None:
    from ops.dead_letters import drop
    from ops.operator_access import connected, find_broker

    async with connected(find_broker(data_dir)) as nc:
        for number in numbers:
            await drop(nc, number)


def _show_all(found: "list[Letter]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Dead letters, the oldest first (UTC)", title_justify="left")
    for heading in ("No.", "Since", "Consumer", "Message", "Reason"):
        table.add_column(
            heading, no_wrap=heading in {"No.", "Consumer"}, justify="right" if heading == "No." else "left"
        )
    for letter in found:
        since = f"{letter.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(letter.number), since, letter.consumer, escape(_type(letter)), escape(letter.reason))
    Console().print(table)


def _show_one(letter: "Letter") -> None:
    import orjson

    since = f"{letter.at:%Y-%m-%d %H:%M:%S} UTC"
    typer.echo(f"Dead letter {letter.number}: {_what(letter)}")
    typer.echo(f"  given up by  {letter.consumer}, after {letter.deliveries} deliveries, {since}")
    typer.echo(f"  because      {letter.reason}")
    typer.echo(f"  correlation  {letter.correlation_id or 'none'}")
    typer.echo(f"  it stood at  {letter.stream} {letter.stream_sequence}, {letter.subject}")
    typer.echo(f"  since then   {_since(letter)}")
    text = letter.message
    typer.echo(text if isinstance(text, str) else orjson.dumps(text, option=orjson.OPT_INDENT_2).decode())


def _since(letter: "Letter") -> str:
    if letter.handled_at:
        return f"handled, {letter.handled_at:%Y-%m-%d %H:%M:%S} UTC; a replay would change nothing"
    if letter.is_late:
        return "not handled; its deadline has passed, so a replay would only refuse it"
    return "not handled; `ledgerlink dlq replay` gives it to its consumer again"


def _what(letter: "Letter") -> str:
    return f"{_type(letter)} {letter.message_id or ''}".strip()


def _type(letter: "Letter") -> str:
    """Return a message type's own name: ledgerlink.wallet.post_transfer.v1 -> wallet.post_transfer."""
    return (letter.message_type or "no message").removeprefix("ledgerlink.").removesuffix(".v1")
