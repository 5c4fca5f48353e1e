"""Finds its way in an OpenAPI document."""

from typing import Any


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{m} {p}", o) for p, path in document["paths"].items() for m, o in path.items()]


def problem_of(operation: dict[str, Any], status: str, code: str) -> dict[str, Any]:
    value: dict[str, Any] = operation["responses"][status]["content"]["application/problem+json"]["examples"][code][
        "value"
    ]
    return value


def scopes_of(operation: dict[str, Any]) -> frozenset[str] | None:
    """Return the scopes that an operation asks for, by whichever way one comes; None where anybody may."""
    ways = [frozenset(scopes) for way in operation.get("security", []) for scopes in way.values()]
    if not ways:
        return None
    (scopes,) = set(ways)
    return scopes
