"""What a model is as it is kept: immutable JSON, named by the hash of its canonical form. It is data, never code."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.risk.domain.features.catalogue import BY_NAME, Type

DOCUMENT_BYTES = 320 * 1024
"""The largest document: it travels in one message (contracts.topology.MAX_MESSAGE_BYTES)."""
INPUTS = 100
TREES = 500
NODES_IN_TREE = 511
NODES = 40_000
DEPTH = 32
LARGEST = 1e15
"""No number of a model is larger, so that no sum of them is infinite."""

_STORABLE = "^[^\x00]*$"
"""PostgreSQL keeps no NUL."""

Text = Annotated[str, Field(pattern=_STORABLE)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Part):
    """A feature that the model sees; `per_unit`: divided by one major unit, so that it means the same in any currency.

    Truth values are seen as 1 and 0. Texts are no inputs.
    """

    feature: Annotated[str, Field(max_length=64)]
    per_unit: bool = False

    @model_validator(mode="after")
    def _is_a_number(self) -> Self:
        feature = BY_NAME.get(self.feature)
        if feature is None:
            raise ValueError(f"there is no feature {self.feature!r}")
        if feature.type is Type.STRING:
            raise ValueError(f"the feature {self.feature!r} is a text, not a number")
        return self


class Tree(_Part):
    """A decision tree as columns of its nodes, the root first.

    `inputs[n]` is the input that node n splits by, -1 for a leaf. A payment whose input is at most `thresholds[n]` goes
    on to `left[n]`, any other to `right[n]`; both come after n. `values[n]` is what a leaf adds to the score, and what
    payments that passed through any other node got on average when the model was trained: explanations need it.
    """

    inputs: Annotated[tuple[int, ...], Field(min_length=1, max_length=NODES_IN_TREE)]
    thresholds: tuple[Number, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    values: tuple[Number, ...]

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        nodes = len(self.inputs)
        if not nodes == len(self.thresholds) == len(self.left) == len(self.right) == len(self.values):
            raise ValueError("the columns of a tree differ in length")
        depths = {0: 0}
        for node, by in enumerate(self.inputs):
            if node not in depths:
                raise ValueError(f"node {node} has no parent that comes before it")
            for child in (self.left[node], self.right[node]) if by >= 0 else ():
                if not node < child < nodes or child in depths:
                    raise ValueError(f"node {node} leads to {child}, which cannot be its child")
                depths[child] = depths[node] + 1
        if max(depths.values()) > DEPTH:
            raise ValueError(f"a tree is deeper than {DEPTH} nodes")
        return self


class TreesDocument(_Part):
    """Trees whose values are added to `base`: to log-odds (`logistic`, boosted) or to a probability (`identity`)."""

    kind: Literal["trees"] = "trees"
    link: Literal["logistic", "identity"] = "logistic"
    base: Number = 0.0
    trees: Annotated[tuple[Tree, ...], Field(min_length=1, max_length=TREES)]

    def check(self, inputs: int) -> None:
        """Raise ValueError where the trees do not fit to so many inputs."""
        if sum(len(tree.inputs) for tree in self.trees) > NODES:
            raise ValueError(f"the trees have more than {NODES:,} nodes")
        if any(not -1 <= by < inputs for tree in self.trees for by in tree.inputs):
            raise ValueError("a tree splits by an input that there is not")


class LogisticDocument(_Part):
    """A scorecard: log-odds are `intercept` plus `weights` times how far each input, within bounds, is from `means`.

    `lowest` and `highest` are the bounds: beyond what was seen in training a straight line says nothing.
    """

    kind: Literal["logistic"] = "logistic"
    intercept: Number
    means: tuple[Number, ...]
    weights: tuple[Number, ...]
    lowest: tuple[Number, ...]
    highest: tuple[Number, ...]

    def check(self, inputs: int) -> None:
        """Raise ValueError where the columns do not fit to so many inputs."""
        if {len(self.means), len(self.weights), len(self.lowest), len(self.highest)} != {inputs}:
            raise ValueError("the columns of a logistic model are not as many as its inputs")


class ModelDocument(_Part):
    """A whole model. `training` and `metrics` are for people; both are part of what the hash names."""

    format: Literal["ledgerlink-risk-model/1"] = "ledgerlink-risk-model/1"
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
    description: Annotated[str, Field(max_length=2_000, pattern=_STORABLE)] = ""
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=INPUTS)]
    scorer: Annotated[TreesDocument | LogisticDocument, Field(discriminator="kind")]
    training: Annotated[Mapping[Text, Text | int], Field(max_length=20)] = {}
    metrics: Annotated[Mapping[Text, Number], Field(max_length=20)] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len({(i.feature, i.per_unit) for i in self.inputs}) != len(self.inputs):
            raise ValueError("a feature is an input twice")
        self.scorer.check(len(self.inputs))
        return self

    def canonical(self) -> bytes:
        """Return the one JSON form of the document: keys sorted, nothing left out."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    @property
    def hash(self) -> Sha256:
        """The SHA-256 of the canonical form: the model's name for ever."""
        return hashlib.sha256(self.canonical()).hexdigest()
