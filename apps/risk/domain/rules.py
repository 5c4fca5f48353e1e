"""The rule set: a table of limits on features; a rule fires when its feature is above its limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from contracts.money import in_major_units, minor_unit_exponents
from contracts.risk import AUTHENTICATION_REQUIRED, FiredRule, RiskOutcome


class Feature(Enum):
    """What a rule looks at, with the payment in question counted in."""

    AMOUNT = "amount"
    HOURLY_VOLUME = "hourly_volume"
    PAYMENTS_PER_MINUTE = "payments_per_minute"

    @property
    def is_money(self) -> bool:
        """Tell whether it is an amount of the payment's currency, in minor units; otherwise it is a count."""
        return self is not Feature.PAYMENTS_PER_MINUTE


class Effect(Enum):
    """What a rule that fires does: a note is kept with the decision, and declines nothing.

    One that asks for authentication declines what the payer can have by authenticating; so it is silent where another
    rule declines anyway.
    """

    DECLINE = "decline"
    AUTHENTICATE = "authenticate"
    REVIEW = "review"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of one payment: `values` by feature, in minor units of `currency`, or counts.

    `authenticated_ago` is how long ago its payer proved who they are; None where no person asked for it.
    """

    currency: str
    values: dict[Feature, int]
    authenticated_ago: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when `feature` is above `limit` (whole major units for money). `reason` says {seen} and {limit}.

    With `unless_within` it is silent where the payer proved who they are that recently, or no person asked.
    """

    name: str
    effect: Effect
    feature: Feature
    limit: int
    reason: str
    unless_within: timedelta | None = None

    def limit_in(self, currency: str) -> int:
        """Return the limit in the unit of the feature: minor units of `currency`, or a count."""
        return self.limit * 10 ** minor_unit_exponents()[currency] if self.feature.is_money else self.limit

    def fires(self, features: Features) -> bool:
        """Tell whether the feature is above the limit, and the payer's authentication too old for that."""
        above = features.values[self.feature] > self.limit_in(features.currency)
        return above and (self.unless_within is None or _is_older(features.authenticated_ago, self.unless_within))

    def fired(self, features: Features) -> FiredRule:
        """Return what is said about the payment: the rule's name, and the values it saw."""
        seen, limit = features.values[self.feature], self.limit_in(features.currency)
        if self.feature.is_money:
            words = {"seen": in_major_units(seen, features.currency), "limit": in_major_units(limit, features.currency)}
        else:
            words = {"seen": f"{seen:,}", "limit": f"{limit:,}"}
        return FiredRule(name=self.name, reason=self.reason.format(**words))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the rule set, in whole major units of whatever currency the payment has, or counts."""

    amount: int = 10_000
    hourly_volume: int = 50_000
    payments_per_minute: int = 600
    review_amount: int = 8_000
    large_amount: int = 5_000
    step_up_amount: int = 5_000
    step_up_after: timedelta = timedelta(minutes=15)


def _is_older(authenticated_ago: timedelta | None, limit: timedelta) -> bool:
    return authenticated_ago is not None and authenticated_ago > limit


def rule_set(limits: Limits) -> tuple[Rule, ...]:
    """Return the rules in the order in which they are asked and named."""
    return (
        Rule("amount_limit", Effect.DECLINE, Feature.AMOUNT, limits.amount, "{seen} at once is above {limit}."),
        Rule(
            "hourly_volume",
            Effect.DECLINE,
            Feature.HOURLY_VOLUME,
            limits.hourly_volume,
            "{seen} within an hour is above {limit}.",
        ),
        Rule(
            "velocity",
            Effect.DECLINE,
            Feature.PAYMENTS_PER_MINUTE,
            limits.payments_per_minute,
            "{seen} payments within a minute are more than {limit}.",
        ),
        Rule(
            AUTHENTICATION_REQUIRED,
            Effect.AUTHENTICATE,
            Feature.AMOUNT,
            limits.step_up_amount,
            "{seen} at once is above {limit}, and it is a while since the payer proved who they are.",
            unless_within=limits.step_up_after,
        ),
        Rule(
            "large_payment_review",
            Effect.REVIEW,
            Feature.AMOUNT,
            limits.review_amount,
            "{seen} at once is above {limit}, from where an analyst decides.",
        ),
        Rule("large_amount", Effect.NOTE, Feature.AMOUNT, limits.large_amount, "{seen} at once is more than {limit}."),
    )


def judge(rules: Sequence[Rule], features: Features) -> tuple[RiskOutcome, tuple[FiredRule, ...]]:
    """Ask every rule; any that declines decides, then any that wants authentication, then any that wants a review.

    All that fire are named, in order, but authentication is not asked for where it would not help.
    """
    fired = [rule for rule in rules if rule.fires(features)]
    effects = {rule.effect for rule in fired}
    if Effect.DECLINE in effects:
        fired = [rule for rule in fired if rule.effect is not Effect.AUTHENTICATE]
    outcome = next((outcome for effect, outcome in _OUTCOMES if effect in effects), RiskOutcome.APPROVE)
    return outcome, tuple(rule.fired(features) for rule in fired)


_OUTCOMES = (
    (Effect.DECLINE, RiskOutcome.DECLINE),
    (Effect.AUTHENTICATE, RiskOutcome.DECLINE),
    (Effect.REVIEW, RiskOutcome.REVIEW),
)
