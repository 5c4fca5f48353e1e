"""What commands that ask risk's database have in common: where it is, and what is told when it cannot be asked."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import typer

from ops.commands.options import command_on

T = TypeVar("T")
NOT_DONE = 1


def asked(data_dir: Path, ask: Callable[[str], Awaitable[T]]) -> T:
    """Return what is answered with the database's URL; tell why where nothing is, and exit with code 1."""
    import asyncio

    import asyncpg

    from apps.risk.sanctions_lists.reading import ListError
    from ops.failures import debugging, told
    from ops.service_databases import find_database, is_stopped
    from ops.stack.errors import StackError

    async def answered() -> T:
        return await ask(find_database("risk", data_dir))

    try:
        return asyncio.run(answered())
    except ListError as error:
        typer.echo(f"Error: {error}", err=True)
    except (OSError, StackError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if debugging():
            raise
        start = f"nothing runs on {data_dir.resolve()}; start it with: {command_on(data_dir, 'up')}"
        typer.echo(f"Error: {start if is_stopped('risk', error) else told(error)}", err=True)
    raise typer.Exit(NOT_DONE)
