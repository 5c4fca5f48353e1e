"""Models: what is no tree is refused, scores are what a naive walk says, and explanations add up to the score."""

import json
from collections.abc import Mapping
from math import exp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from apps.risk.domain.features.catalogue import CATALOGUE, Type, Value
from apps.risk.domain.scoring.documents import ModelDocument, Tree
from apps.risk.domain.scoring.model import Model

INPUTS = ({"feature": "amount", "per_unit": True}, {"feature": "payer_amount_ratio"}, {"feature": "payer_is_new"})
STUMP = {
    "inputs": [0, -1, -1],
    "thresholds": [100.0, 0, 0],
    "left": [1, 0, 0],
    "right": [2, 0, 0],
    "values": [0, -1, 2],
}
EMPTY: Mapping[Type, Value] = {Type.INT: 0, Type.DOUBLE: 0.0, Type.BOOL: False, Type.STRING: ""}


def values(**known: Value) -> dict[str, Value]:
    return {f.name: EMPTY[f.type] for f in CATALOGUE} | {"unit": 100} | known


def document(**scorer: Any) -> dict[str, Any]:
    return {"name": "test", "inputs": INPUTS, "scorer": {"kind": "trees", "base": -1.0, "trees": [STUMP]} | scorer}


def model(**scorer: Any) -> Model:
    return Model(ModelDocument.model_validate(document(**scorer)))


def test_an_amount_counts_in_major_units() -> None:
    scored = model()
    assert scored.score(values(amount=100_00)) == pytest.approx(1 / (1 + exp(2)))
    assert scored.score(values(amount=100_01)) == pytest.approx(1 / (1 + exp(-1)))
    assert scored.score(values(amount=101, unit=1)) == scored.score(values(amount=100_01))
    assert (scored.points(values(amount=0)), scored.points(values(amount=10**9))) == (12, 73)


def test_a_model_read_from_its_canonical_form_is_the_same_model() -> None:
    first = model()
    again = Model.of(first.document.canonical())
    assert (again.hash, again.document) == (first.hash, first.document)
    assert json.loads(first.document.canonical())["format"] == "ledgerlink-risk-model/1"


def test_a_number_more_is_another_model() -> None:
    assert model().hash != model(base=-1.0000001).hash


def test_a_scorecard_is_a_straight_line_within_what_was_seen() -> None:
    columns = {"means": [10, 1, 0], "weights": [0.1, 1, 2], "lowest": [0, 0, 0], "highest": [20, 5, 1]}
    card = Model(ModelDocument.model_validate(document() | {"scorer": {"kind": "logistic", "intercept": -3} | columns}))
    seen = values(amount=20_00, payer_amount_ratio=2.0, payer_is_new=True)
    assert card.score(seen) == pytest.approx(1 / (1 + exp(3 - 1 - 1 - 2)))
    assert card.score(values(amount=1_000_00, payer_amount_ratio=2.0, payer_is_new=True)) == card.score(seen)
    assert [c.feature for c in card.explain(seen)] == ["payer_is_new", "amount", "payer_amount_ratio"]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"left": [0, 0, 0]}, "cannot be its child"),
        ({"right": [3, 0, 0]}, "cannot be its child"),
        ({"right": [1, 0, 0]}, "cannot be its child"),
        ({"inputs": [-1, -1, -1]}, "has no parent"),
        ({"inputs": [3, -1, -1]}, "an input that there is not"),
        ({"inputs": [-2, -1, -1]}, "has no parent"),
        ({"thresholds": [1.0]}, "differ in length"),
        ({"values": [0, 1, 1e16]}, "less than or equal"),
        ({"values": [0, 1, float("nan")]}, "finite number"),
    ],
)
def test_what_is_no_tree_is_refused(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        model(trees=[STUMP | broken])


def test_a_tree_is_not_deeper_than_it_may_be() -> None:
    nodes = range(81)  # every second one leads to a leaf and to the next one that splits
    columns = {
        "inputs": [0 if n % 2 == 0 and n < 80 else -1 for n in nodes],
        "left": [n + 1 for n in nodes],
        "right": [n + 2 for n in nodes],
    }
    with pytest.raises(ValidationError, match="deeper"):
        Tree.model_validate(columns | {"thresholds": [0.0] * 81, "values": [0.0] * 81})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"inputs": [{"feature": "favourite_colour"}]}, "no feature 'favourite_colour'"),
        ({"inputs": [{"feature": "currency"}]}, "is a text"),
        ({"inputs": [INPUTS[0], INPUTS[0]]}, "twice"),
        ({"inputs": []}, "at least 1"),
        ({"format": "pickle"}, "ledgerlink-risk-model/1"),
        ({"code": "print()"}, "Extra inputs"),
        ({"scorer": {"kind": "logistic", "intercept": 0, "means": [1], "weights": [1], "lowest": [0], "highest": [1]}},
         "not as many as its inputs"),
        ({"scorer": {"kind": "neural"}}, "does not match any of the expected tags"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelDocument.model_validate(document() | changed)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Any small tree: leaves are split until enough are."""
    tree: dict[str, list[Any]] = {"inputs": [-1], "thresholds": [0.0], "left": [0], "right": [0], "values": [0.0]}
    numbers = st.floats(-5, 5)
    tree["values"][0] = draw(numbers)
    for _ in range(draw(st.integers(0, 6))):
        leaf = draw(st.sampled_from([n for n, by in enumerate(tree["inputs"]) if by < 0]))
        tree["inputs"][leaf], tree["thresholds"][leaf] = draw(st.integers(0, 2)), draw(numbers)
        tree["left"][leaf], tree["right"][leaf] = len(tree["inputs"]), len(tree["inputs"]) + 1
        for _side in range(2):
            for column, value in (("inputs", -1), ("thresholds", 0.0), ("left", 0), ("right", 0)):
                tree[column].append(value)
            tree["values"].append(draw(numbers))
    return tree


def naive(tree: dict[str, list[Any]], read: list[float], node: int = 0) -> float:
    if tree["inputs"][node] < 0:
        return float(tree["values"][node])
    below = read[tree["inputs"][node]] <= tree["thresholds"][node]
    return naive(tree, read, tree["left" if below else "right"][node])


@given(
    st.lists(trees(), min_size=1, max_size=4),
    st.sampled_from(["logistic", "identity"]),
    st.integers(0, 1000),
    st.floats(-6, 6),
    st.booleans(),
)
def test_any_trees_score_as_a_naive_walk_and_explanations_add_up(
    grown: list[dict[str, list[Any]]], link: str, amount: int, ratio: float, is_new: bool
) -> None:
    scored = model(trees=grown, link=link, base=0.1)
    seen = values(amount=amount, payer_amount_ratio=ratio, payer_is_new=is_new)
    raw = 0.1 + sum(naive(tree, [amount / 100, ratio, float(is_new)]) for tree in grown)
    expected = 1 / (1 + exp(-raw)) if link == "logistic" else min(1.0, max(0.0, raw))
    judged = scored.judge(seen)
    assert judged.probability == scored.score(seen) == pytest.approx(expected)
    assert judged.points == scored.points(seen) == round(100 * judged.probability)
    explained = judged.average_points + sum(c.points for c in judged.contributions)
    assert explained == pytest.approx(100 * judged.probability, abs=1e-4)
    assert Model.of(scored.document.canonical()).judge(seen) == judged
