"""Free ports, chosen once per data directory and remembered there."""

import json
import secrets
import socket
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from ops.stack.errors import StackError
from ops.stack.private_files import write_private

HOST = "127.0.0.1"
# Below the range from which Linux and macOS take the local ports of outgoing connections: a server that is
# killed must find its port free when it comes back.
LOWEST, HIGHEST = 20_000, 32_767
ATTEMPTS = 200
# Several processes choose at the same time, and servers begin to listen seconds later.
MOST_RESERVED = 64
_reserved: deque[socket.socket] = deque()


def is_free(port: int) -> bool:
    """Say whether a server could listen on the port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: Iterable[int] = ()) -> int:
    """Return a port that is free now, not among `taken`, and given to no other process meanwhile. Raises StackError."""
    avoided = set(taken)
    for _ in range(ATTEMPTS):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
        if port not in avoided and _reserve(port):
            return port
    raise StackError(f"no free port between {LOWEST} and {HIGHEST} was found in {ATTEMPTS} attempts")


def _reserve(port: int) -> bool:
    """Take the port for those who choose here, until this process ends or has chosen many others."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        held.bind((HOST, port))
    except OSError:
        held.close()
        return False
    if sys.platform != "linux":
        held.close()
        return True
    # Linux lets servers listen beside a socket that reuses addresses and does not listen itself.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _reserved.append(held)
    if len(_reserved) > MOST_RESERVED:
        _reserved.popleft().close()
    return True


def remembered_ports(path: Path, names: Iterable[str], given: Mapping[str, int]) -> dict[str, int]:
    """Return a port for every name: the given one, else the one that `path` remembers, else a new one.

    A remembered port that is not free any more is replaced. What is returned is remembered.
    """
    known = read_ports(path)
    ports = dict(given)
    for name in names:
        if name in given:
            continue
        avoided = set(ports.values())
        port = known.get(name)
        if port is None or port in avoided or not is_free(port):
            port = free_port({*avoided, *known.values()})
        ports[name] = port
    if ports != known:
        write_private(path, json.dumps(ports, indent=2) + "\n")
    return ports


def read_ports(path: Path) -> dict[str, int]:
    """Return the remembered ports; none when the file is missing or damaged."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): int(port) for name, port in content.items()} if isinstance(content, dict) else {}
