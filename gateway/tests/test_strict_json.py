"""JSON read strictly: what is sound as the standard library reads it, and nothing that two might read differently."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.problems import ProblemError
from gateway.strict_json import MOST_DEPTH, MOST_DIGITS, read

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**60), 10**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet=st.one_of(st.sampled_from('"\\[]{}\n'), st.characters(exclude_categories=["Cs"]))),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=60
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.booleans())
def test_what_is_sound_is_read(value: Any, ascii_only: bool) -> None:
    if depth(value) <= MOST_DEPTH:
        assert read(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text(alphabet='[]{}",:\\1e \n'))
def test_nothing_is_read_that_the_standard_library_does_not_read(text: str) -> None:
    try:
        value = read(text)
    except (ProblemError, json.JSONDecodeError):
        return
    assert value == json.loads(text)
    assert depth(value) <= MOST_DEPTH


@given(st.integers(1, 80), st.sampled_from(['""', '"]]]]"', '"\\"]"', "1"]))
def test_depth_is_counted_outside_of_strings(levels: int, leaf: str) -> None:
    text = '{"a":[' * (levels // 2) + "[" * (levels % 2) + leaf + "]" * (levels % 2) + "]}" * (levels // 2)
    if levels <= MOST_DEPTH:
        assert depth(read(text)) == levels
    else:
        with pytest.raises(ProblemError, match="nested"):
            read(text)


def test_brackets_in_strings_are_text() -> None:
    opened, quoted = "[" * 100, '\\"[' * 100
    assert read(f'["{opened}", "{quoted}"]') == [opened, '"[' * 100]
    with pytest.raises(ProblemError, match="nested"):
        read('["]",' * 40 + "1" + "]" * 40)


def test_many_values_are_not_deep() -> None:
    assert read("[" + ",".join(["[]"] * 20_000) + "]") == [[]] * 20_000


REFUSED = [
    '{"a": 1, "a": 1}',
    '{"a": {"b": 1, "\\u0062": 2}}',
    "[NaN]",
    "[Infinity]",
    "[-Infinity]",
    "[1e999]",
    "[-1e999]",
    "9" * (MOST_DIGITS + 1),
    "0." + "9" * MOST_DIGITS,
    "[" * 100_000,
    '{"a":' * 100_000,
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read(text)
    assert (caught.value.code, caught.value.kind.status) == ("malformed_json", 400)
    assert len(caught.value.detail) < 200


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ['["' + '\\"' * 200_000, "[" * 33 + '"\\' * 200_000, '{"' * 200_000])
def test_an_unfinished_text_is_read_once(text: str) -> None:
    with pytest.raises((ProblemError, json.JSONDecodeError)):
        read("[" * 40 + text if text.startswith("[") else text)
