"""Least privilege: whoever may send a message has code that does."""

import ast
from functools import cache
from pathlib import Path

from contracts.message import REGISTRY
from contracts.topology import SERVICES

ROOT = Path(__file__).parents[1]
ROOMS = {"gateway": ("gateway",), **{service: (f"apps/{service}", "ops") for service in SERVICES}}
"""Who sends -> where its code is; commands of `ops` say things in a service's name, through its outbox."""


@cache
def _named(directory: str) -> frozenset[str]:
    """Return the names that code uses, tests and mere imports apart."""
    files = [path for path in (ROOT / directory).rglob("*.py") if "tests" not in path.parts]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return frozenset(names | {node.attr for node in nodes if isinstance(node, ast.Attribute)})


def test_every_sender_has_code_that_sends() -> None:
    unused = {
        (sender, message.contract.subject)
        for message in REGISTRY.values()
        for sender in message.contract.senders
        if not any(message.__name__ in _named(directory) for directory in ROOMS[sender])
    }
    assert unused == set(), "take the senders out of these messages: their rights are used by nobody"
