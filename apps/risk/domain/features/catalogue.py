"""The features that rules and models see: their names, types and units. What is not declared here is not seen."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

Value = int | float | bool | str
Values = Mapping[str, Value]
"""The value of every feature of one payment, by name."""


class Type(Enum):
    """The type of a feature's values, as CEL names it."""

    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature; the unit of an amount is minor units of the payment's currency."""

    name: str
    type: Type
    unit: str
    description: str


ENTITIES = ("payer", "payee", "device", "address", "card", "pair")
"""What is counted by; a pair is a payer and a payee."""
WINDOWS: Mapping[str, int] = {"1m": 60, "10m": 600, "1h": 3600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}
"""The lengths of the sliding windows in seconds. A window is never shorter than that, and at most one bucket longer."""
DECLINED_WINDOWS = ("1h", "24h")
LABELLED = ("payer", "payee", "card")
"""What known frauds are counted by."""
LABEL_DELAY_SECONDS = 7 * 86_400
"""How late a label counts: fraud is seldom known sooner, and a model must not learn from what it will not have."""


def _facts() -> Iterator[Feature]:
    yield Feature("amount", Type.INT, "minor units", "The amount asked for")
    yield Feature("unit", Type.INT, "minor units", "One major unit of the currency")
    yield Feature("currency", Type.STRING, "ISO 4217", "The currency")
    yield Feature("direction", Type.STRING, "", "payment, top_up or payout")
    yield Feature("method", Type.STRING, "", "The type of the payment method")
    yield Feature("country", Type.STRING, "ISO 3166-1", "Where the request says it comes from; empty where it does not")
    yield Feature("hour", Type.INT, "hours, UTC", "The hour of the day, 0 to 23")
    yield Feature("weekday", Type.INT, "days, UTC", "The day of the week, Monday is 0")
    yield Feature("authenticated_seconds", Type.INT, "seconds", "Since the payer's proof; -1: no person asked")


def _windows() -> Iterator[Feature]:
    for entity in ENTITIES:
        for window in WINDOWS:
            yield Feature(f"{entity}_count_{window}", Type.INT, "payments", "Asked for, this one counted in")
            yield Feature(f"{entity}_sum_{window}", Type.INT, "minor units", "Approved in this currency, and this one")
        for window in DECLINED_WINDOWS:
            yield Feature(f"{entity}_declined_{window}", Type.INT, "payments", "Declined")
        yield Feature(f"{entity}_age_seconds", Type.INT, "seconds", "Since it was first seen; 0 when new")
        yield Feature(f"{entity}_idle_seconds", Type.INT, "seconds", "Since it was last seen; -1 when new")
        yield Feature(f"{entity}_is_new", Type.BOOL, "", "Never seen before; also where the payment names none")


def _distinct() -> Iterator[Feature]:
    for name, what in (
        ("payer_payees_24h", "payees that the payer has paid"),
        ("payer_cards_24h", "cards of the payer"),
        ("payer_devices_30d", "devices of the payer"),
        ("payer_countries_30d", "countries of the payer's requests"),
        ("device_payers_24h", "payers on the device"),
        ("address_payers_24h", "payers at the address"),
        ("card_payers_24h", "payers with the card"),
        ("payee_payers_24h", "payers of the payee"),
    ):
        yield Feature(name, Type.INT, "", f"Different {what}, this one counted in; 64 at most")


def _profile() -> Iterator[Feature]:
    yield Feature("payer_mean_amount_30d", Type.DOUBLE, "minor units", "Mean approved amount in this currency; 0: none")
    yield Feature("payer_amount_ratio", Type.DOUBLE, "", "This amount to that mean; 1 where there is none")
    yield Feature("payer_amount_deviation", Type.DOUBLE, "standard deviations", "Above that mean; 0: unknown")
    yield Feature("payer_amount_variation_30d", Type.DOUBLE, "", "Their standard deviation by mean; -1: too few")
    yield Feature("payer_amount_trend", Type.DOUBLE, "", "Mean of 7 days to that of 30; -1: unknown")
    yield Feature("payer_hour_share", Type.DOUBLE, "", "Of the payer's payments, within an hour of this time of day")
    yield Feature("account_age_seconds", Type.INT, "seconds", "Since the payer registered; -1 unknown")
    yield Feature("tier", Type.STRING, "", "unverified, verified or business")


def _labels() -> Iterator[Feature]:
    for entity in LABELLED:
        for window in ("7d", "30d"):
            yield Feature(f"{entity}_frauds_{window}", Type.INT, "payments", "Known frauds, seven days late")
            yield Feature(f"{entity}_labelled_{window}", Type.INT, "payments", "Approved payments, seven days late")
            yield Feature(f"{entity}_fraud_rate_{window}", Type.DOUBLE, "", "Share of those frauds; 0: none")
        yield Feature(f"{entity}_fraud_run", Type.INT, "payments", "Known frauds since the newest good payment")
        yield Feature(f"{entity}_fraud_run_days", Type.DOUBLE, "days", "Since the oldest of those; -1: none")
        yield Feature(f"{entity}_good_days", Type.DOUBLE, "days", "Since the newest known good payment; -1: none")
        yield Feature(f"{entity}_fraud_days", Type.DOUBLE, "days", "Since the newest known fraud; -1: none")


def _screened() -> Iterator[Feature]:
    for verb in ("allow", "deny", "watch"):
        yield Feature(f"listed_{verb}", Type.BOOL, "", f"Something about the payment is on the {verb} list")
    yield Feature("payer_screening", Type.STRING, "", "clear, possible, confirmed or unknown")
    yield Feature("beneficiary_screening", Type.STRING, "", "The same of the name that a payout goes to")
    for period in ("payment", "day", "month"):
        yield Feature(f"limit_{period}_left", Type.INT, "minor units", "Of the tier's limit, after this payment")


CATALOGUE: tuple[Feature, ...] = (
    *_facts(),
    *_windows(),
    *_distinct(),
    *_profile(),
    *_labels(),
    *_screened(),
)
"""All features, in the order in which their values are stored."""
BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in CATALOGUE}
CATALOGUE_HASH = hashlib.sha256(json.dumps([(f.name, f.type.value) for f in CATALOGUE]).encode()).hexdigest()
"""What the stored values of a decision are told apart by, where the catalogue has changed since."""
