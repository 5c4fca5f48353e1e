"""What may change in a released message and what may not, in both directions; each kind of break once, planted."""

from collections.abc import Mapping
from typing import Any

import pytest

from contracts.compatibility import breaks

Json = dict[str, Any]

STRING: Json = {"type": "string"}
INTEGER: Json = {"type": "integer"}
SAID, HEARD = ("events", "decisions", "replies", "dlq"), ("commands", "queries")


def _object(required: tuple[str, ...] = (), /, *, besides: object = None, **properties: Json) -> Json:
    schema: Json = {"type": "object", "properties": properties, "required": list(required)}
    return schema if besides is None else schema | {"additionalProperties": besides}


def _union(*kinds: Json, **common: object) -> Json:
    return {"anyOf": list(kinds), **common}


NULL: Json = {"type": "null"}
CHANGES: dict[str, tuple[Json, Json, str, str]] = {
    # what changes: (released, current, what it says of a message that we say, … that we hear), "" for no break
    "an optional field is added": (_object(a=STRING), _object(a=STRING, b=INTEGER), "", ""),
    "a required field is added": (
        _object(("a",), a=STRING),
        _object(("a", "b"), a=STRING, b=INTEGER),
        "",
        "data.b: is required now",
    ),
    "an optional field is removed": (
        _object(a=STRING, b=STRING),
        _object(a=STRING),
        "data.b: is gone",
        "data.b: is gone",
    ),
    "a required field is removed": (
        _object(("a", "b"), a=STRING, b=STRING),
        _object(("a",), a=STRING),
        "data.b: is gone",
        "data.b: is gone",
    ),
    "a field becomes required": (_object(a=STRING), _object(("a",), a=STRING), "", "data.a: is required now"),
    "a field becomes optional": (_object(("a",), a=STRING), _object(a=STRING), "data.a: may be left out now", ""),
    "a type changes": (
        _object(a=INTEGER),
        _object(a=STRING),
        "data.a: type was integer, is string",
        "data.a: type was integer, is string",
    ),
    "a number may be a fraction": (
        _object(a=INTEGER),
        _object(a={"type": "number"}),
        "data.a: type was integer, is number",
        "",
    ),
    "a number must be whole": (
        _object(a={"type": "number"}),
        _object(a=INTEGER),
        "",
        "data.a: type was number, is integer",
    ),
    "a field may be null": (
        _object(a=STRING),
        _object(a=_union(STRING, NULL)),
        "data.a: type was string",
        "",
    ),
    "a field may not be null": (
        _object(a=_union(STRING, NULL)),
        _object(a=STRING),
        "",
        "data.a: type was null, is string",
    ),
    "a value is added": (
        _object(a=STRING | {"enum": ["x"]}),
        _object(a=STRING | {"enum": ["x", "y"]}),
        "data.a: the set of values was ['x'], is ['x', 'y']",
        "",
    ),
    "a value is removed": (
        _object(a=STRING | {"enum": ["x", "y"]}),
        _object(a=STRING | {"enum": ["x"]}),
        "",
        "data.a: the set of values was ['x', 'y'], is ['x']",
    ),
    "all values are allowed": (
        _object(a=STRING | {"const": "x"}),
        _object(a=STRING),
        "data.a: the set of values was ['x'], is open",
        "",
    ),
    "a format is added": (
        _object(a=STRING),
        _object(a=STRING | {"format": "uuid"}),
        "",
        "data.a: format was open, is uuid",
    ),
    "a format is removed": (
        _object(a=STRING | {"format": "uuid"}),
        _object(a=STRING),
        "data.a: format was uuid, is open",
        "",
    ),
    "a format changes": (
        _object(a=STRING | {"format": "date"}),
        _object(a=STRING | {"format": "date-time"}),
        "data.a: format was date, is date-time",
        "data.a: format was date, is date-time",
    ),
    "a pattern changes": (
        _object(a=STRING | {"pattern": "^a$"}),
        _object(a=STRING | {"pattern": "^b$"}),
        "data.a: pattern was ^a$, is ^b$",
        "data.a: pattern was ^a$, is ^b$",
    ),
    "a default changes": (
        _object(a=INTEGER | {"default": 20}),
        _object(a=INTEGER | {"default": 50}),
        "data.a: default was 20, is 50",
        "data.a: default was 20, is 50",
    ),
    "a union has one kind more": (
        _object(a={"oneOf": [_object(("k",), k={"const": "x"})]}),
        _object(a={"oneOf": [_object(("k",), k={"const": "x"}), _object(("k",), k={"const": "y"})]}),
        "data.a.k: the set of values was ['x'], is ['y']",
        "",
    ),
    "a union has one kind less": (
        _object(a={"oneOf": [_object(("k",), k={"const": "x"}), _object(("k",), k={"const": "y"})]}),
        _object(a={"oneOf": [_object(("k",), k={"const": "x"})]}),
        "",
        "data.a.k: the set of values was ['y'], is ['x']",
    ),
    "what items are changes": (
        _object(a={"type": "array", "items": INTEGER}),
        _object(a={"type": "array", "items": STRING}),
        "data.a[]: type was integer, is string",
        "data.a[]: type was integer, is string",
    ),
    "others are let in": (
        _object(besides=False, a=STRING),
        _object(a=STRING),
        "data: additionalProperties was False, is True",
        "",
    ),
    "others are shut out": (
        _object(a=STRING),
        _object(besides=False, a=STRING),
        "",
        "data: additionalProperties was True, is False",
    ),
    "a field is added where others are shut out": (
        _object(besides=False, a=STRING),
        _object(besides=False, a=STRING, b=STRING),
        "data.b: is new, where readers take nothing that they do not know",
        "",
    ),
    "what a map holds is bounded": (
        _object(besides=STRING),
        _object(besides=STRING | {"maxLength": 5}),
        "",
        "data{}: maxLength was open, is 5",
    ),
    "what a map holds is free": (
        _object(besides=STRING),
        _object(besides=True),
        "data{}: type was string, is open",
        "",
    ),
    "the names in a map are bounded": (
        _object(),
        _object() | {"propertyNames": {"maxLength": 5}},
        "",
        "data: names: maxLength was open, is 5",
    ),
    "the names in a map have another pattern": (
        _object() | {"patternProperties": {"^a": STRING}},
        _object() | {"patternProperties": {"^b": STRING}},
        "data: names was ['^a'], is ['^b']",
        "data: names was ['^a'], is ['^b']",
    ),
    "what a map holds by pattern changes": (
        _object() | {"patternProperties": {"^a": STRING}},
        _object() | {"patternProperties": {"^a": INTEGER}},
        "data{}: type was string, is integer",
        "data{}: type was string, is integer",
    ),
}
for _keyword in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
    _low, _high = _object(a={_keyword: 3}), _object(a={_keyword: 5})
    CHANGES |= {
        f"{_keyword} is lowered": (_high, _low, f"data.a: {_keyword} was 5, is 3", ""),
        f"{_keyword} is raised": (_low, _high, "", f"data.a: {_keyword} was 3, is 5"),
        f"{_keyword} is removed": (_low, _object(a={}), f"data.a: {_keyword} was 3, is open", ""),
    }
for _keyword in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
    _low, _high = _object(a={_keyword: 3}), _object(a={_keyword: 5})
    CHANGES |= {
        f"{_keyword} is lowered": (_high, _low, "", f"data.a: {_keyword} was 5, is 3"),
        f"{_keyword} is raised": (_low, _high, f"data.a: {_keyword} was 3, is 5", ""),
        f"{_keyword} is added": (_object(a={}), _low, "", f"data.a: {_keyword} was open, is 3"),
    }


def _message(kind: str, data: Json, **more: object) -> Json:
    return {"kind": kind, "subject": "wallet.any", "senders": ["gateway", "payments"], "data": data, **more}


def _catalogue(envelope: Json | None = None, /, *, schemas: Mapping[str, Json] | None = None, **messages: Json) -> Json:
    return {"envelope": envelope or _object(), "messages": messages, "schemas": schemas or {}}


@pytest.mark.parametrize("kind", [*SAID, *HEARD])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_breaks_whom_it_breaks(change: str, kind: str) -> None:
    released, current, said, heard = CHANGES[change]
    expected = said if kind in SAID else heard
    found = breaks(_catalogue(m=_message(kind, released)), _catalogue(m=_message(kind, current)))
    assert len(found) == (1 if expected else 0), found
    assert not expected or found[0].startswith(f"m: {expected}")


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_is_said_whatever_asks_for_it(change: str) -> None:
    released, current, said, _ = CHANGES[change]
    before, now = (_message("queries", _object(), answer=answer) for answer in (released, current))
    found = breaks(_catalogue(m=before), _catalogue(m=now))
    assert [one.replace("m: answer", "m: data") for one in found] == breaks(
        _catalogue(m=_message("events", released)), _catalogue(m=_message("events", current))
    )
    assert bool(found) == bool(said)


@pytest.mark.parametrize("change", CHANGES)
def test_the_envelope_is_both_said_and_heard(change: str) -> None:
    released, current, said, heard = CHANGES[change]
    found = breaks(_catalogue(released), _catalogue(current))
    assert len(found) == bool(said) + bool(heard)


QUERY = _message("queries", _object(), answer=_object(("id",), id=STRING))


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ({}, "m: is gone"),
        ({"n": QUERY}, "m: is gone"),
        ({"m": QUERY | {"kind": "commands"}}, "m: kind was queries, is commands"),
        ({"m": QUERY | {"subject": "wallet.other"}}, "m: subject was wallet.any, is wallet.other"),
        ({"m": QUERY | {"senders": ["gateway"]}}, "m: payments may not send it any more"),
        ({"m": _message("queries", _object())}, "m: answer: type was object, is open"),
        ({"m": QUERY | {"senders": ["gateway", "payments", "risk"]}, "n": QUERY}, None),
    ],
    ids=["removed", "renamed", "another kind", "another subject", "a sender less", "no answer", "more of everything"],
)
def test_how_a_message_travels_is_promised_too(current: dict[str, Json], expected: str | None) -> None:
    found = breaks(_catalogue(m=QUERY), _catalogue(**current))
    assert found[0] == expected if expected else found == []


def test_what_is_referred_to_is_compared_whatever_its_name() -> None:
    before = _catalogue(schemas={"Old": _object(a=STRING)}, m=_message("events", {"$ref": "#/schemas/Old"}))
    same = _catalogue(schemas={"New": _object(a=STRING)}, m=_message("events", {"$ref": "#/schemas/New"}))
    other = _catalogue(schemas={"Old": _object(a=INTEGER)}, m=_message("events", {"$ref": "#/schemas/Old"}))
    assert breaks(before, same) == []
    assert breaks(before, other) == ["m: data.a: type was string, is integer"]


def test_a_keyword_that_nobody_judges_is_not_passed_over() -> None:
    catalogue = _catalogue(m=_message("events", _object(a={"type": "integer", "multipleOf": 5})))
    with pytest.raises(ValueError, match="cannot judge multipleOf"):
        breaks(catalogue, catalogue)
