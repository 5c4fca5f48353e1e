"""What an error says at the terminal or in a log: what to do, and never a secret."""

import os

DEBUG_VARIABLE = "LEDGERLINK_DEBUG"


def debugging() -> bool:
    """Say whether tracebacks are wanted."""
    return bool(os.environ.get(DEBUG_VARIABLE))


def told(error: Exception) -> str:
    """Return one message for an error that ends a command."""
    from pydantic import ValidationError

    from ops.stack.errors import StackError
    from outbox.settings import InvalidSettingsError

    if isinstance(error, StackError | InvalidSettingsError):
        return str(error)
    if isinstance(error, ValidationError):
        # Never its own text: that repeats the input, which may hold secrets.
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return f"{error.title}: {problems}"
    return f"{type(error).__name__}: {error} (set {DEBUG_VARIABLE}=1 to see where)"
