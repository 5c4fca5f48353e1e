"""The AsyncAPI documents, which are generated from the contracts and checked against them (`ledgerlink asyncapi`)."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

_DIRECTORY = Path(__file__).parents[2] / "docs" / "asyncapi"  # in a wheel, too: see force-include in pyproject.toml
SERVICES = ("identity", "wallet", "payments", "risk", "gateway")
SYSTEM = "system"

Json = Mapping[str, Any]


@cache
def raw(name: str) -> bytes:
    """Return the document of a service or of the system as it is."""
    return (_DIRECTORY / f"{name}.json").read_bytes()


def parsed() -> dict[str, Json]:
    """Return the services' documents, by service."""
    return {service: orjson.loads(raw(service)) for service in SERVICES}
