"""One process of the system, a service or the gateway: `python -m ops.process wallet`.

`ledgerlink run wallet` is the same; the supervisor starts this module, which spares every process the command line's
own imports.
"""

import gc
import sys
from importlib import import_module
from types import ModuleType

import asyncpg
from pydantic import ValidationError

from ops.failures import debugging, told

FORESEEN = (ValidationError, OSError, asyncpg.PostgresError)


def run_process(name: str) -> None:
    """Run a service, or the gateway, until SIGTERM; its settings come from the environment.

    Exits with code 1 and a message when settings are wrong or a server cannot be reached; anything else is a bug,
    whose traceback belongs into the log.
    """
    room = name if name == "gateway" else f"apps.{name}"
    try:
        _imported(f"{room}.main").run()
    except FORESEEN as error:
        if debugging():
            raise
        sys.stderr.write(f"Error: {told(error)}\n")
        sys.exit(1)


def _imported(module: str) -> ModuleType:
    """Import a module, and spare the garbage collector what it brought: that lives as long as the process.

    Imports are quicker without the collector, and its later rounds, which stop the event loop, are shorter.
    """
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    run_process(sys.argv[1])
