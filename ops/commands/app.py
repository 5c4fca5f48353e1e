"""Errors at the terminal: one message that says what to do, and an exit code; no traceback."""

import os
import sys
from typing import Any

import typer

DEBUG_VARIABLE = "LEDGERLINK_DEBUG"


class OneMessageTyper(typer.Typer):
    """A Typer app that shows an unforeseen error as one message; LEDGERLINK_DEBUG=1 shows its traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; exit with code 1 and a message if it fails."""
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            sys.stderr.write(f"Error: {_told(error)}\n")
            sys.exit(1)


def _told(error: Exception) -> str:
    from pydantic import ValidationError

    from ops.stack.errors import StackError

    if isinstance(error, StackError):
        return str(error)
    if isinstance(error, ValidationError):
        # Never its own text: that repeats the input, and settings hold secrets.
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return f"{error.title}: {problems}"
    return f"{type(error).__name__}: {error} (set {DEBUG_VARIABLE}=1 to see where)"
