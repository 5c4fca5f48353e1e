"""JSON Schema for people: the members of a message, each with its type in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.message_pages.documents import Json

_PREFIX = "#/components/schemas/"
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "length at least {}",
    "maxLength": "length at most {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "maxProperties": "at most {} members",
    "pattern": "matches `{}`",
}


@dataclass(frozen=True)
class Piece:
    """A part of a type's name; with `shape` it is the name of a schema that is shown somewhere else."""

    text: str
    shape: str | None = None


@dataclass(frozen=True)
class Member:
    """One member of an object."""

    name: str
    type: tuple[Piece, ...]
    required: bool
    default: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """A schema: an object by its members, or what values there are."""

    name: str
    title: str
    description: str
    members: tuple[Member, ...]
    values: tuple[str, ...]


def shape(name: str, schemas: Mapping[str, Json]) -> Shape:
    """Return a schema of a document by its name."""
    schema = schemas[name]
    required = frozenset(schema.get("required", ()))
    members = [_member(key, one, key in required) for key, one in schema.get("properties", {}).items()]
    values = tuple(str(value) for value in schema.get("enum", ()))
    return Shape(name, str(schema.get("title", name)), str(schema.get("description", "")), tuple(members), values)


def name_of(reference: str) -> str:
    """Return the schema that a `$ref` names."""
    return reference.removeprefix(_PREFIX)


def _member(name: str, schema: Json, required: bool) -> Member:
    default = schema.get("default")
    return Member(
        name, tuple(_type(schema)), required, None if default is None else str(default), tuple(_notes(schema))
    )


def _type(schema: Json) -> Iterator[Piece]:
    match schema:
        case {"$ref": str(reference)}:
            yield Piece(name_of(reference), name_of(reference))
        case {"anyOf": [*kinds]} | {"oneOf": [*kinds]}:
            for number, kind in enumerate(kinds):
                if number:
                    yield Piece(" or ")
                yield from _type(kind)
        case {"const": value}:
            yield Piece(f"always {value}")
        case {"enum": [*values]}:
            yield Piece("one of " + ", ".join(str(value) for value in values))
        case {"type": "array", "items": dict(items)}:
            yield Piece("list of ")
            yield from _type(items)
        case {"type": "object", "additionalProperties": dict(values)}:
            yield Piece("object of ")
            yield from _type(values)
        case _:
            kind, form = str(schema.get("type", "anything")), schema.get("format")
            yield Piece(f"{kind} ({form})" if form else kind)


def _notes(schema: Json) -> Iterator[str]:
    """Yield what is said of a member, and what it is bounded by; of alternatives, whichever says something."""
    if description := schema.get("description"):
        yield str(description)
    for alternative in (schema, *schema.get("anyOf", ())):
        for limit, words in _LIMITS.items():
            if limit in alternative:
                yield words.format(_visible(alternative[limit]))


def _visible(limit: object) -> str:
    """Return a bound as it can be shown: a pattern may name characters that no document can hold."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(limit))
