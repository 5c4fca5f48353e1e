"""Messages cut down to what a consumer declares to read: whatever else it looks at is not there."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from contracts.message import envelope_of
from tests.pacts.readings import INTEGRATOR, Reading


def trimmed(envelope: dict[str, Any], reading: Reading) -> Any:
    """Return a message's data as its consumer gets it; the integrator gets JSON, envelope and all."""
    tree = _tree(reading.paths)
    if reading.consumer == INTEGRATOR:
        return {"type": envelope["type"], "data": _of_json(envelope["data"], tree)}
    return _less(envelope_of(reading.message).model_validate(envelope).data, tree)


def _tree(paths: Iterable[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def _of_json(value: Any, tree: Mapping[str, Any]) -> Any:
    return {name: _of_json(value[name], branch) for name, branch in tree.items() if name in value} if tree else value


def _less(model: BaseModel, tree: Mapping[str, Any]) -> BaseModel:
    """Return a model of the same class that lacks all members but those in the tree; what is at a leaf is whole."""
    less = type(model).__new__(type(model))
    object.__setattr__(less, "__dict__", {name: _part(getattr(model, name), branch) for name, branch in tree.items()})
    object.__setattr__(less, "__pydantic_fields_set__", set(tree))
    object.__setattr__(less, "__pydantic_extra__", None)
    object.__setattr__(less, "__pydantic_private__", None)
    return less


def _part(member: Any, branch: Mapping[str, Any]) -> Any:
    return _less(member, branch) if branch and member is not None else member
