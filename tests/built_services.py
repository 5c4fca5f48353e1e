"""The services as their rooms' `main` builds them, from the very environment that the stack would give them."""

from importlib import import_module
from pathlib import Path

import pytest

from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import free_port
from ops.stack.stack import PORTS
from outbox.service import Service


def built_service(name: str, directory: Path, environment: pytest.MonkeyPatch) -> Service:
    """Return a room's service, not started."""
    parts = Parts.of(Layout.at(directory), {port: free_port() for port in PORTS})
    for variable, value in parts.environments.service(name).items():
        environment.setenv(variable, value)
    settings = getattr(import_module(f"apps.{name}.settings"), f"{name.capitalize()}Settings")
    service: Service = import_module(f"apps.{name}.main").build(settings())
    return service
