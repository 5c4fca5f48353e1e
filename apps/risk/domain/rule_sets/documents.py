"""What a rule set is, as people write it and as it is kept: immutable, and named by the hash of its canonical form."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from contracts.risk import RiskOutcome, RuleAction

EXPRESSION_CHARACTERS = 2_000
RULES = 200
TESTS = 200

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
Points = Annotated[int, Field(ge=0, le=100)]
FeatureValue = StrictBool | StrictInt | StrictFloat | StrictStr
_STORABLE = "^[^\x00]*$"
"""PostgreSQL keeps no NUL: a decision that says one could not be kept."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleDocument(_Part):
    """A rule: it fires where `when` (CEL over the features) is true.

    `reason` may say the value of a feature as {name}, an amount as {name:money}. `weight` is added to the score.
    """

    name: Name
    when: Annotated[str, Field(min_length=1, max_length=EXPRESSION_CHARACTERS, pattern=_STORABLE)]
    action: RuleAction
    code: Name
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=_STORABLE)]
    weight: Points = 0
    priority: Annotated[int, Field(ge=0, le=1_000)] = 100
    enabled: bool = True


class Thresholds(_Part):
    """From which score on a payment is reviewed or blocked that no rule decides about; None: never."""

    review: Points | None = None
    block: Points | None = None


class DegradedPolicy(_Part):
    """What is answered where the deadline is near, for amounts up to so many major units; None: any amount."""

    up_to: Annotated[int, Field(ge=0)] | None
    outcome: RiskOutcome


class ExpectedOutcome(StrEnum):
    """What a rule set decides, a step-up told apart from a decline."""

    APPROVE = "approve"
    STEP_UP = "step_up"
    DECLINE = "decline"
    REVIEW = "review"


class RuleSetTest(_Part):
    """A payment of which the rule set must say this: features not named have the values of a payment without history.

    `fires` are the names of all rules that fire, in the order of the rule set.
    """

    name: Name
    values: Mapping[str, FeatureValue]
    outcome: ExpectedOutcome
    fires: tuple[str, ...]


class RuleSetDocument(_Part):
    """A whole rule set. `model` is the SHA-256 of the model whose points are added to the score."""

    name: Name
    description: Annotated[str, Field(max_length=2_000, pattern=_STORABLE)] = ""
    rules: Annotated[tuple[RuleDocument, ...], Field(min_length=1, max_length=RULES)]
    thresholds: Thresholds = Thresholds()
    degraded: Annotated[tuple[DegradedPolicy, ...], Field(min_length=1, max_length=20)] = (
        DegradedPolicy(up_to=None, outcome=RiskOutcome.REVIEW),
    )
    model: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    tests: Annotated[tuple[RuleSetTest, ...], Field(max_length=TESTS)] = ()

    def canonical(self) -> bytes:
        """Return the one JSON form of the document: keys sorted, nothing left out."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical form: the rule set's name for ever."""
        return hashlib.sha256(self.canonical()).hexdigest()
