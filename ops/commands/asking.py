"""What the commands that look into a deployment have in common: what they tell when it cannot be looked into."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

T = TypeVar("T")
NOT_DONE = 1


def done(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; tell why where it cannot be done, and exit with code 1."""
    import asyncio

    import asyncpg
    import nats.errors

    from ops.failures import debugging, told
    from ops.stack.errors import StackError
    from outbox.publisher import PublishError
    from outbox.settings import InvalidSettingsError

    foreseen = (OSError, TimeoutError, StackError, InvalidSettingsError, PublishError, nats.errors.Error)
    try:
        return asyncio.run(work)
    except (*foreseen, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if debugging():
            raise
        typer.echo(f"Error: {told(error)}", err=True)
    raise typer.Exit(NOT_DONE)
