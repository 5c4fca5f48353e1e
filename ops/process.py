"""One process of the system, a service or the gateway: `python -m ops.process wallet`.

`ledgerlink run wallet` is the same; the supervisor starts this module, which spares every process the command line's
own imports.
"""

import sys
from importlib import import_module

from ops.failures import debugging, told


def run_process(name: str) -> None:
    """Run a service, or the gateway, until SIGTERM; its settings come from the environment.

    Exits with code 1 and a message when it cannot start.
    """
    room = name if name == "gateway" else f"apps.{name}"
    try:
        import_module(f"{room}.main").run()
    except Exception as error:
        if debugging():
            raise
        sys.stderr.write(f"Error: {told(error)}\n")
        sys.exit(1)


if __name__ == "__main__":
    run_process(sys.argv[1])
