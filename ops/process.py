"""One process of the system: `python -m ops.process wallet [--gated]`.

`ledgerlink run wallet` is the same (so are migrate and provision); the supervisor starts this module, which spares
every process the command line's own imports. `--gated` makes it load its code at once, and begin only when a line
comes on its standard input: so the services load while PostgreSQL and NATS still start.
"""

import gc
import sys
from importlib import import_module
from types import ModuleType

import asyncpg

from ops.failures import debugging, told
from ops.stack.errors import StackError
from outbox.settings import InvalidSettingsError

FORESEEN = (InvalidSettingsError, StackError, OSError, asyncpg.PostgresError)


MODULES = {
    "gateway": "gateway.main",
    "migrate": "ops.migration",
    "provisioner": "ops.provisioning",
}
GATED = "--gated"


def run_process(name: str, *, gated: bool = False) -> None:
    """Run a service, or one of MODULES, until SIGTERM; its settings come from the environment.

    When gated, an end of the standard input instead of a line (the supervisor is gone) ends it before it began.
    Exits with code 1 and a message when settings are wrong or a server cannot be reached; anything else is a bug,
    whose traceback belongs into the log.
    """
    try:
        main = _imported(MODULES.get(name, f"apps.{name}.main"))
        if not gated or sys.stdin.readline():
            main.run()
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
    run_process(sys.argv[1], gated=GATED in sys.argv[2:])
