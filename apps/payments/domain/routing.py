"""Which processors a payment may go to, in the order in which they are tried."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

from contracts.payments import MethodType, PaymentDirection


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be paid; `country` is the customer's, where it is known."""

    intent_id: UUID
    currency: str
    amount: int
    country: str | None
    method: MethodType
    direction: PaymentDirection


@dataclass(frozen=True, slots=True)
class Rule:
    """Processors for the payments that fulfil every condition; an empty condition holds for all.

    With weights, each payment has an order of its own: the chance to be first is in proportion to the weight. Without,
    `processors` is the order. The range of amounts includes both ends.
    """

    processors: tuple[str, ...]
    weights: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    currencies: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    methods: frozenset[MethodType] = frozenset()
    directions: frozenset[PaymentDirection] = frozenset()
    amount_from: int | None = None
    amount_to: int | None = None

    def holds_for(self, payment: Candidate) -> bool:
        """Tell whether a payment fulfils every condition; an unknown country is in no list."""
        return (
            (not self.currencies or payment.currency in self.currencies)
            and (not self.countries or payment.country in self.countries)
            and (not self.methods or payment.method in self.methods)
            and (not self.directions or payment.direction in self.directions)
            and (self.amount_from is None or payment.amount >= self.amount_from)
            and (self.amount_to is None or payment.amount <= self.amount_to)
        )

    def order_for(self, intent_id: UUID) -> tuple[str, ...]:
        """Return the processors in the order in which this payment tries them: always the same for the same one."""
        if not self.weights:
            return self.processors
        return tuple(sorted(self.processors, key=lambda name: (_rank(intent_id, name, self.weights[name]), name)))


@dataclass(frozen=True, slots=True)
class Routing:
    """All rules, and what each processor can do; the first rule that holds decides."""

    rules: Sequence[Rule]
    methods: Mapping[str, Collection[MethodType]]

    def route(self, payment: Candidate) -> tuple[str, ...]:
        """Return the processors that a payment may go to, the first choice first; none, if none can take it."""
        for rule in self.rules:
            if rule.holds_for(payment):
                able = (name for name in rule.order_for(payment.intent_id) if payment.method in self.methods[name])
                return tuple(able)
        return ()

    def after(self, payment: Candidate, tried: Collection[str]) -> str | None:
        """Return the next processor of a payment's route that was not tried yet; None at its end."""
        return next((name for name in self.route(payment) if name not in tried), None)


def _rank(intent_id: UUID, name: str, weight: int) -> float:
    """Draw an exponential number with rate `weight`: the smallest of several belongs to each by its weight.

    A processor's number does not depend on the others, so that adding or removing one moves no payment between the rest
    (weighted rendezvous hashing).
    """
    drawn = int.from_bytes(sha256(intent_id.bytes + name.encode()).digest()[:8], "big")
    return -math.log((drawn + 1) / (2**64 + 1)) / weight
