"""Every rule by one table: just at its limit it is silent, just above it fires."""

from datetime import timedelta

import pytest

from apps.risk.domain.rules import Feature, Features, Limits, judge, rule_set
from contracts.risk import RiskOutcome

LONG_AGO = timedelta(minutes=15, microseconds=1)
QUIET = {Feature.AMOUNT: 1, Feature.HOURLY_VOLUME: 1, Feature.PAYMENTS_PER_MINUTE: 1}
CASES = (
    ("amount_limit", "decline", "EUR", Feature.AMOUNT, 10_000_00, "10,000.01 EUR at once is above 10,000.00 EUR."),
    ("amount_limit", "decline", "JPY", Feature.AMOUNT, 10_000, "10,001 JPY at once is above 10,000 JPY."),
    ("amount_limit", "decline", "BHD", Feature.AMOUNT, 10_000_000, "10,000.001 BHD at once is above 10,000.000 BHD."),
    (
        "hourly_volume", "decline", "EUR", Feature.HOURLY_VOLUME, 50_000_00,
        "50,000.01 EUR within an hour is above 50,000.00 EUR.",
    ),
    (
        "velocity", "decline", "EUR", Feature.PAYMENTS_PER_MINUTE, 600,
        "601 payments within a minute are more than 600.",
    ),
    (
        "authentication_required", "decline", "EUR", Feature.AMOUNT, 5_000_00,
        "5,000.01 EUR at once is above 5,000.00 EUR, and it is a while since the payer proved who they are.",
    ),
    (
        "large_payment_review", "review", "EUR", Feature.AMOUNT, 8_000_00,
        "8,000.01 EUR at once is above 8,000.00 EUR, from where an analyst decides.",
    ),
    ("large_amount", "approve", "EUR", Feature.AMOUNT, 5_000_00, "5,000.01 EUR at once is more than 5,000.00 EUR."),
)  # fmt: skip


@pytest.mark.parametrize(("name", "outcome", "currency", "feature", "limit", "reason"), CASES)
def test_a_rule_fires_above_its_limit(
    name: str, outcome: str, currency: str, feature: Feature, limit: int, reason: str
) -> None:
    rules = rule_set(Limits())
    ago = LONG_AGO if name == "authentication_required" else None
    _, at_limit = judge(rules, Features(currency, QUIET | {feature: limit}, ago))
    decided, fired = judge(rules, Features(currency, QUIET | {feature: limit + 1}, ago))
    assert name not in {rule.name for rule in at_limit}
    assert decided.value == outcome
    assert reason in {rule.reason for rule in fired if rule.name == name}


def test_the_table_covers_every_rule_in_its_order() -> None:
    assert list(dict.fromkeys(case[0] for case in CASES)) == [rule.name for rule in rule_set(Limits())]


def test_all_that_fire_are_named_in_the_order_of_the_rule_set() -> None:
    everything = Features("EUR", dict.fromkeys(Feature, 10**9))
    outcome, fired = judge(rule_set(Limits()), everything)
    assert outcome is RiskOutcome.DECLINE
    others = [rule.name for rule in rule_set(Limits()) if rule.name != "authentication_required"]
    assert [rule.name for rule in fired] == others


@pytest.mark.parametrize(
    ("ago", "required"),
    [
        (None, False),
        (timedelta(0), False),
        (-timedelta(days=1), False),
        (timedelta(minutes=15), False),
        (LONG_AGO, True),
    ],
)
def test_who_pays_much_proved_lately_who_they_are(ago: timedelta | None, required: bool) -> None:
    outcome, fired = judge(rule_set(Limits()), Features("EUR", QUIET | {Feature.AMOUNT: 5_000_01}, ago))
    assert (outcome is RiskOutcome.DECLINE) == required
    assert ("authentication_required" in {rule.name for rule in fired}) == required


def test_authentication_comes_before_a_review_and_is_not_asked_for_in_vain() -> None:
    for amount, expected, required in ((8_000_01, "decline", True), (10_000_01, "decline", False)):
        outcome, fired = judge(rule_set(Limits()), Features("EUR", QUIET | {Feature.AMOUNT: amount}, LONG_AGO))
        assert outcome.value == expected
        assert ("authentication_required" in {rule.name for rule in fired}) == required
    outcome, _ = judge(rule_set(Limits()), Features("EUR", QUIET | {Feature.AMOUNT: 8_000_01}, timedelta(0)))
    assert outcome is RiskOutcome.REVIEW


def test_a_payment_is_reviewed_unless_a_rule_declines_it() -> None:
    rules = rule_set(Limits(review_amount=1_000))
    for amount, expected in (
        (1_000_00, "approve"),
        (1_000_01, "review"),
        (10_000_00, "review"),
        (10_000_01, "decline"),
    ):
        outcome, fired = judge(rules, Features("EUR", QUIET | {Feature.AMOUNT: amount}))
        assert outcome.value == expected
        assert ("large_payment_review" in {rule.name for rule in fired}) == (amount > 1_000_00)


def test_limits_can_be_set() -> None:
    features = Features("EUR", QUIET | {Feature.AMOUNT: 1_01})
    assert judge(rule_set(Limits()), features) == (RiskOutcome.APPROVE, ())
    outcome, [fired] = judge(rule_set(Limits(amount=1)), features)
    assert (outcome, fired.name) == (RiskOutcome.DECLINE, "amount_limit")
