"""What an operator says about processors and routes: the shapes of PAYMENTS_PROCESSORS and PAYMENTS_ROUTES."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from apps.payments.domain.routing import Routing, Rule
from contracts.money import MAX_AMOUNT, Currency
from contracts.payments import MethodType, PaymentDirection, ProcessorName

LONGEST_TIMEOUT_SECONDS = 12.0
"""A worker's turn at an operation is one query and one execution; both end within its lease."""

_Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]


class ProcessorKind(StrEnum):
    """Which adapter speaks with a processor."""

    SANDBOX = "sandbox"
    STRIPE = "stripe"


class _Setting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ProcessorSettings(_Setting):
    """One account at a processor. `concurrency` bounds the calls that are under way to it at once."""

    name: ProcessorName
    kind: ProcessorKind
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", max_length=2000)]
    api_key: Annotated[SecretStr, Field(min_length=1)]
    webhook_secret: Annotated[SecretStr, Field(min_length=1)]
    methods: frozenset[MethodType] = frozenset({MethodType.CARD, MethodType.BANK})
    timeout_seconds: Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT_SECONDS)] = 10.0
    concurrency: Annotated[int, Field(ge=1, le=512)] = 64

    @model_validator(mode="after")
    def _wallets_are_our_own(self) -> Self:
        if MethodType.WALLET in self.methods or not self.methods:
            raise ValueError("methods are card, bank or both")
        return self


class RouteSettings(_Setting):
    """One rule: processors in order, or with weights, for the payments that fulfil every condition given."""

    processors: (
        Annotated[tuple[ProcessorName, ...], Field(min_length=1)]
        | Annotated[Mapping[ProcessorName, Annotated[int, Field(ge=1, le=1_000_000)]], Field(min_length=1)]
    )
    currencies: frozenset[Currency] = frozenset()
    countries: frozenset[Annotated[str, Field(pattern="^[A-Z]{2}$")]] = frozenset()
    methods: frozenset[MethodType] = frozenset()
    directions: frozenset[PaymentDirection] = frozenset()
    amount_from: _Amount | None = None
    amount_to: _Amount | None = None

    def rule(self) -> Rule:
        """Return the rule as routing knows it."""
        weights = MappingProxyType(self.processors if isinstance(self.processors, Mapping) else {})
        return Rule(
            tuple(self.processors),
            weights,
            self.currencies,
            self.countries,
            self.methods,
            self.directions,
            self.amount_from,
            self.amount_to,
        )


def routing(processors: Sequence[ProcessorSettings], routes: Sequence[RouteSettings]) -> Routing:
    """Return the routing; without any route a payment goes to the processors in the order in which they are named.

    Raises ValueError when two processors share a name, or a route names one that is not there.
    """
    names = [processor.name for processor in processors]
    if len(set(names)) < len(names):
        raise ValueError("two processors have the same name")
    strangers = {name for route in routes for name in route.processors}.difference(names)
    if strangers:
        raise ValueError(f"a route names processors that are not there: {', '.join(sorted(strangers))}")
    rules = [route.rule() for route in routes] or [Rule(tuple(names))]
    return Routing(rules, {processor.name: processor.methods for processor in processors})
