"""How commands ask risk's database, or the gateway for somebody, and what is told when there is no answer."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from ops.commands.options import command_on

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ops.gateway_session import GatewaySession

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


def asked_of_gateway(data_dir: Path, ask: "Callable[[GatewaySession], Awaitable[T]]") -> T:
    """Return what the gateway answers somebody who is logged in; tell why where it does not, and exit with code 1.

    Their address and password are asked for, or come from LEDGERLINK_EMAIL and LEDGERLINK_PASSWORD.
    """
    import asyncio

    from ops.gateway_session import find_gateway, logged_in
    from ops.stack.errors import StackError

    async def answered(gateway: str) -> T:
        async with logged_in(gateway, *_person()) as session:
            return await ask(session)

    try:
        return asyncio.run(answered(find_gateway(data_dir)))
    except StackError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(NOT_DONE) from None


def _person() -> "tuple[str, SecretStr]":
    from pydantic import SecretStr

    email = os.environ.get("LEDGERLINK_EMAIL") or typer.prompt("Address", err=True)
    password = os.environ.get("LEDGERLINK_PASSWORD") or typer.prompt("Password", hide_input=True, err=True)
    return email, SecretStr(password)
