"""Ports that several processes choose at the same time."""

import socket
import subprocess
import sys

import pytest

from ops.stack import ports
from ops.stack.errors import StackError
from ops.stack.ports import HOST, free_port

ASK = """
import sys
from ops.stack import ports
ports.LOWEST = ports.HIGHEST = int(sys.argv[1])
print(ports.free_port())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets servers listen beside who holds their port")
def test_a_port_is_given_to_nobody_else_before_its_server_listens() -> None:
    port = free_port()
    other = subprocess.run(
        [sys.executable, "-c", ASK, str(port)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "no free port" in other.stderr
    with socket.create_server((HOST, port)):
        pass


def test_only_so_many_ports_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    for _ in range(ports.MOST_RESERVED):
        free_port()
    monkeypatch.setattr(ports, "LOWEST", first)
    monkeypatch.setattr(ports, "HIGHEST", first)
    assert free_port() == first
    with socket.create_server((HOST, first)), pytest.raises(StackError):
        free_port()
