"""The AsyncAPI documents, which are generated from the contracts and checked against them (`ledgerlink asyncapi`)."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

_DIRECTORY = Path(__file__).parents[2] / "docs" / "asyncapi"  # in a wheel, too: see force-include in pyproject.toml
SERVICES = ("identity", "wallet", "payments", "risk", "gateway")

Json = Mapping[str, Any]


@cache
def raw(service: str) -> bytes:
    """Return a service's document as it is."""
    return (_DIRECTORY / f"{service}.json").read_bytes()


def parsed() -> dict[str, Json]:
    """Return all documents, by service."""
    return {service: orjson.loads(raw(service)) for service in SERVICES}
