"""Whether a change of the messages breaks those who use them: what was released against what is now.

One rule serves both directions: whatever may be sent must be understood. Of events, decisions, replies and answers the
current form is sent, and the released one is what readers understand; of commands and queries it is the other way
round. So what we say may gain fields but never lose or loosen them, and what we hear may only loosen. Readers ignore
what they do not know: a new field breaks nobody, one that is gone always somebody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.message import Kind

Json = Mapping[str, Any]

REFERENCE = "#/schemas/"
_UNIONS = ("anyOf", "oneOf")
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME = ("type", "format", "pattern")
_NESTED = ("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "items")
_JUDGED = {*_UNIONS, *_AT_LEAST, *_AT_MOST, *_SAME, *_NESTED, "const", "enum", "default"}
_HEARD = (Kind.COMMAND, Kind.QUERY)
_ANYTHING: Json = {}


def breaks(released: Json, current: Json) -> list[str]:
    """Return a sentence for each break between two catalogues (see contracts.catalogue).

    Raises ValueError on a schema with a keyword that is not judged here.
    """
    before, now = released["schemas"], current["schemas"]
    found: list[str] = []

    def compare(old: Json, new: Json, where: str, *, heard: bool) -> None:
        found.extend(_Direction(heard).broken(_whole(old, before), _whole(new, now), where))

    compare(released["envelope"], current["envelope"], "the envelope of what is said", heard=False)
    compare(released["envelope"], current["envelope"], "the envelope of what is heard", heard=True)
    for name, old in released["messages"].items():
        new = current["messages"].get(name)
        if new is None:
            found.append(f"{name}: is gone")
            continue
        found += _travels_otherwise(name, old, new)
        compare(old["data"], new["data"], f"{name}: data", heard=old["kind"] in _HEARD)
        if "answer" in old:
            compare(old["answer"], new.get("answer", _ANYTHING), f"{name}: answer", heard=False)
    return found


def _travels_otherwise(name: str, released: Json, current: Json) -> Iterator[str]:
    for what in ("kind", "subject"):
        if released[what] != current[what]:
            yield f"{name}: {what} was {released[what]}, is {current[what]}"
    for sender in released["senders"]:
        if sender not in current["senders"]:
            yield f"{name}: {sender} may not send it any more"


def _whole(schema: Any, schemas: Json) -> Any:
    """Return a schema with what its references name in their places; none of ours contains itself."""
    match schema:
        case {"$ref": str(reference)}:
            return _whole(schemas[reference.removeprefix(REFERENCE)], schemas)
        case dict():
            return {key: one if key == "default" else _whole(one, schemas) for key, one in schema.items()}
        case list():
            return [_whole(one, schemas) for one in schema]
        case _:
            return schema


@dataclass(frozen=True)
class _Direction:
    """Compares whole schemas of what we hear from others, or else of what we say."""

    heard: bool

    def broken(self, released: Json, current: Json, where: str) -> Iterator[str]:
        """Yield where something may be sent that is not understood."""
        return self._uncovered(released, current, where) if self.heard else self._uncovered(current, released, where)

    def _was(self, where: str, sent: object, understood: object) -> str:
        released, current = (sent, understood) if self.heard else (understood, sent)
        return f"{where} was {'open' if released is None else released}, is {'open' if current is None else current}"

    def _uncovered(self, sent: Json, understood: Json, where: str) -> Iterator[str]:
        """Compare; of a union each kind must be understood as one of the kinds of the other side."""
        if "default" in sent and "default" in understood and sent["default"] != understood["default"]:
            yield self._was(f"{where}: default", sent["default"], understood["default"])
        others = _kinds(understood)
        for kind in _kinds(sent):
            yield from min((list(self._uncovered_kind(kind, other, where)) for other in others), key=len)

    def _uncovered_kind(self, sent: Json, understood: Json, where: str) -> Iterator[str]:
        for keyword in _looser(sent, understood):
            yield self._was(f"{where}: {keyword}", sent.get(keyword), understood.get(keyword))
        sent_values, understood_values = _values(sent), _values(understood)
        if understood_values is not None and (sent_values is None or not set(sent_values) <= set(understood_values)):
            yield self._was(f"{where}: the set of values", sent_values, understood_values)
        if "items" in understood:
            yield from self._uncovered(sent.get("items", _ANYTHING), understood["items"], f"{where}[]")
        yield from self._uncovered_members(sent, understood, where)
        yield from self._uncovered_others(sent, understood, where)

    def _uncovered_members(self, sent: Json, understood: Json, where: str) -> Iterator[str]:
        """Compare what an object has by name."""
        ours, theirs = sent.get("properties", _ANYTHING), understood.get("properties", _ANYTHING)
        for name in sorted(ours.keys() & theirs.keys()):
            yield from self._uncovered(ours[name], theirs[name], f"{where}.{name}")
        released, current = (ours, theirs) if self.heard else (theirs, ours)
        gone = released.keys() - current.keys()
        for name in sorted(gone):
            yield f"{where}.{name}: is gone"
        for name in sorted({*understood.get("required", ())} - {*sent.get("required", ())} - gone):
            yield f"{where}.{name}: {'is required now' if self.heard else 'may be left out now'}"
        if understood.get("additionalProperties") is False:
            for name in sorted(ours.keys() - theirs.keys() - gone):
                yield f"{where}.{name}: is new, where readers take nothing that they do not know"

    def _uncovered_others(self, sent: Json, understood: Json, where: str) -> Iterator[str]:
        """Compare what an object may have besides: by any name, or by one that matches a pattern."""
        theirs, ours = understood.get("patternProperties", _ANYTHING), sent.get("patternProperties", _ANYTHING)
        if theirs.keys() != ours.keys() and theirs:
            yield self._was(f"{where}: names", list(ours) or None, list(theirs))
        for pattern in theirs.keys() & ours.keys():
            yield from self._uncovered(ours[pattern], theirs[pattern], f"{where}{{}}")
        if "propertyNames" in understood:
            names = sent.get("propertyNames", _ANYTHING)
            yield from self._uncovered(names, understood["propertyNames"], f"{where}: names")
        match sent.get("additionalProperties", True), understood.get("additionalProperties", True):
            case (False, _) | (_, True):
                return
            case (besides, False):
                yield self._was(f"{where}: additionalProperties", besides, False)
            case (besides, expected):
                yield from self._uncovered(_ANYTHING if besides is True else besides, expected, f"{where}{{}}")


def _kinds(schema: Json) -> list[Json]:
    """Return the kinds of a union, each with what holds for all of them; of anything else, itself."""
    if unknown := schema.keys() - _JUDGED:
        raise ValueError(f"contracts.compatibility cannot judge {', '.join(sorted(unknown))}: teach it")
    for union in _UNIONS:
        if union in schema:
            common = {key: value for key, value in schema.items() if key not in {union, "default"}}
            return [deeper for kind in schema[union] for deeper in _kinds({**common, **kind})]
    return [schema]


def _looser(sent: Json, understood: Json) -> Iterator[str]:
    """Yield the keywords by which what is sent is bounded less than what is understood."""
    for keyword in _SAME:
        whole_number = keyword == "type" and (sent.get("type"), understood.get("type")) == ("integer", "number")
        if keyword in understood and sent.get(keyword) != understood[keyword] and not whole_number:
            yield keyword
    for keyword in _AT_LEAST:
        if keyword in understood and not (keyword in sent and sent[keyword] >= understood[keyword]):
            yield keyword
    for keyword in _AT_MOST:
        if keyword in understood and not (keyword in sent and sent[keyword] <= understood[keyword]):
            yield keyword


def _values(schema: Json) -> list[Any] | None:
    """Return the only values that there are, None where all are allowed."""
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None
