"""The command line's frame: an error is one message and an exit code, not a traceback."""

import sys
from typing import Any

import typer

from ops.failures import debugging, told


class OneMessageTyper(typer.Typer):
    """A Typer app that shows an unforeseen error as one message; LEDGERLINK_DEBUG=1 shows its traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; exit with code 1 and a message if it fails."""
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            if debugging():
                raise
            sys.stderr.write(f"Error: {told(error)}\n")
            sys.exit(1)
