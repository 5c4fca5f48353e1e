"""What every consumer expects of whom: the declared readings, and what contracts require of requests and answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pact import match as matchers

from contracts.catalogue import catalogue
from contracts.compatibility import REFERENCE
from contracts.message import REGISTRY, SOURCE_PREFIX, Kind, Message, Reply
from contracts.topology import LISTENED
from tests.pacts.readings import READINGS, Reading

Json = dict[str, Any]

_UUID7 = (
    "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
)
_INSTANT = ("2026-01-05T09:31:00Z", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_FORMATS = {"uuid7": _UUID7, "date-time": _INSTANT, "date": ("2026-01-05", r"^\d{4}-\d\d-\d\d$")}
_PLAIN = {
    "string": matchers.like("text"),
    "integer": matchers.integer(1),
    "number": matchers.number(1),
    "boolean": matchers.boolean(True),
}
_NULL = {"type": "null"}


@dataclass(frozen=True)
class Expectation:
    """What one consumer expects of one message of a provider; `description` names it in the pact between the two."""

    consumer: str
    provider: str
    description: str
    body: Json


def expectations() -> list[Expectation]:
    """Return all, sorted."""
    found = [*_declared(), *_requests(), *_answers()]
    return sorted(found, key=lambda one: (one.consumer, one.provider, one.description))


def named(message: type[Message], *, answer: bool = False, asked_by: str | None = None) -> str:
    """Return how an expectation is described."""
    name = f"answer to {message.contract.type}" if answer else message.contract.type
    return f"{name} that {asked_by} asked for" if asked_by else name


def _declared() -> Iterator[Expectation]:
    for reading in READINGS:
        for provider in reading.message.contract.senders:
            name = named(reading.message, asked_by=reading.consumer if reading.asked else None)
            yield Expectation(reading.consumer, provider, name, _envelope(reading.message, provider, _read(reading)))


def _requests() -> Iterator[Expectation]:
    """Expect of a request all that its contract requires: its owner refuses it otherwise."""
    for message, provider in _asked():
        yield _whole(message.contract.owner, message, provider)
    for message in LISTENED:
        yield _whole("gateway", message, message.contract.owner)


def _whole(consumer: str, message: type[Message], provider: str) -> Expectation:
    data = _required(_catalogue()["messages"][message.contract.type]["data"])
    return Expectation(consumer, provider, named(message), _envelope(message, provider, data))


def _answers() -> Iterator[Expectation]:
    """Expect of an answer all that its contract requires: the gateway has promised it to its clients."""
    for message, consumer in _asked():
        answer = _catalogue()["messages"][message.contract.type].get("answer")
        if answer and (message.contract.kind is Kind.QUERY or consumer == "gateway"):
            data = {"outcome": "completed", "resource": _required(answer)}
            provider = message.contract.owner
            yield Expectation(consumer, provider, named(message, answer=True), _envelope(Reply, provider, data))


def _asked() -> Iterator[tuple[type[Message], str]]:
    """Yield each command and query with each of those who send it."""
    for message in REGISTRY.values():
        if message.contract.kind in (Kind.COMMAND, Kind.QUERY):
            for sender in message.contract.senders:
                yield message, sender


@cache
def _catalogue() -> Json:
    return catalogue()


def _envelope(message: type[Message], provider: str, data: Any) -> Json:
    """Return what everybody reads of an envelope, around the data."""
    caused = {"causationid": _matching(*_UUID7)} if message is Reply else {}
    return {
        "specversion": "1.0",
        "id": _matching(*_UUID7),
        "source": SOURCE_PREFIX + provider,
        "type": message.contract.type,
        "time": _matching(*_INSTANT),
        "correlationid": matchers.like("text"),
        "data": data,
    } | caused


def _read(reading: Reading) -> Any:
    tree: dict[str, Any] = {}
    for path in reading.required:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return _narrowed(_catalogue()["messages"][reading.message.contract.type]["data"], tree)


def _narrowed(schema: Json, tree: Json) -> Any:
    """Return what is expected of the members in the tree; of a leaf all that is required."""
    whole = _resolved(schema)
    properties = whole.get("properties", {})
    if unknown := tree.keys() - properties.keys():
        raise KeyError(f"no {', '.join(sorted(unknown))} is in {whole}")
    return {
        name: _narrowed(properties[name], branch) if branch else _required(_there(properties[name]))
        for name, branch in tree.items()
    }


def _there(schema: Json) -> Json:
    """Return what a member is when it is there."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != _NULL]
    return kinds[0] if len(kinds) == 1 else schema


def _resolved(schema: Json) -> Json:
    while "$ref" in schema:
        schema = _catalogue()["schemas"][schema["$ref"].removeprefix(REFERENCE)]
    return schema


def _required(schema: Json) -> Any:
    """Return what is expected of a value: its type, and the members that it must have. None where all is allowed."""
    expected: Any = None
    match _resolved(schema):
        case {"const": value}:
            expected = value
        case {"enum": [*values]}:
            expected = _matching(str(values[0]), f"^({'|'.join(map(str, values))})$")
        case {"anyOf": [*kinds]} | {"oneOf": [*kinds]}:
            expected = _of_kinds([_resolved(kind) for kind in kinds])
        case {"type": "object", "required": [*names], "properties": dict(properties)}:
            members = {name: _required(properties[name]) for name in names}
            expected = {name: member for name, member in members.items() if member is not None}
        case {"type": "object"}:
            expected = matchers.like({})
        case {"type": "array", **rest}:
            item = _required(rest.get("items", {}))
            expected = matchers.like([item] if item is not None else [])
        case {"type": "string", "format": str(form)} if form in _FORMATS:
            expected = _matching(*_FORMATS[form])
        case {"type": str(kind)}:
            expected = _PLAIN[kind]
    return expected


def _matching(example: str, pattern: str) -> Any:
    return matchers.regex(example, regex=pattern)


def _of_kinds(kinds: list[Json]) -> Any:
    types = {str(kind.get("type")) for kind in kinds}
    if types == {"object"}:
        return matchers.like({})
    return _PLAIN["string"] if types == {"string"} else None
