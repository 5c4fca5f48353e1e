"""Features of a payment out of what was seen before it, and what it adds to that: the same live and over histories."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.risk.domain.features.catalogue import (
    DECLINED_WINDOWS,
    ENTITIES,
    LABEL_DELAY_SECONDS,
    LABELLED,
    WINDOWS,
    Value,
)
from apps.risk.domain.features.entities import ADDRESS, CARD, DEVICE, PAYEE, PAYER, Entity, Subject
from apps.risk.domain.features.labels import Labelled, label_features
from apps.risk.domain.features.profile import profile_features
from apps.risk.domain.features.state import LABEL_BUCKET, State
from contracts.money import minor_unit_exponents
from contracts.risk import RiskOutcome

NO_LIMIT = 2**53

_COUNT_NAMES, _SUM_NAMES = (
    tuple(tuple(f"{e}_{what}_{w}" for w in WINDOWS) for e in ENTITIES) for what in ("count", "sum")
)
_DECLINED_NAMES = tuple(
    tuple((list(WINDOWS).index(w), f"{e}_declined_{w}") for w in DECLINED_WINDOWS) for e in ENTITIES
)
_TIME_NAMES = tuple((f"{e}_age_seconds", f"{e}_idle_seconds", f"{e}_is_new") for e in ENTITIES)
_LABELLED = tuple((ENTITIES.index(e), e) for e in LABELLED)
_DISTINCT = (
    ("payer_payees_24h", WINDOWS["24h"], PAYER, "payees", PAYEE),
    ("payer_cards_24h", WINDOWS["24h"], PAYER, "cards", CARD),
    ("payer_devices_30d", WINDOWS["30d"], PAYER, "devices", DEVICE),
    ("device_payers_24h", WINDOWS["24h"], DEVICE, "payers", PAYER),
    ("address_payers_24h", WINDOWS["24h"], ADDRESS, "payers", PAYER),
    ("card_payers_24h", WINDOWS["24h"], CARD, "payers", PAYER),
    ("payee_payers_24h", WINDOWS["24h"], PAYEE, "payers", PAYER),
)
"""Feature, how far it looks back, the entity that remembers, under what name, and what it remembers."""
_COUNTRIES = "countries"
_NOTHING = State()


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a payment beside what was seen: of the account, the lists, screenings and limits."""

    account_age_seconds: int = -1
    tier: str = "unverified"
    listed_allow: bool = False
    listed_deny: bool = False
    listed_watch: bool = False
    payer_screening: str = "unknown"
    beneficiary_screening: str = "unknown"
    limit_payment_left: int = NO_LIMIT
    limit_day_left: int = NO_LIMIT
    limit_month_left: int = NO_LIMIT


_CONTEXT = tuple(Context.__slots__)


def compute(subject: Subject, states: Mapping[Entity, State], context: Context) -> dict[str, Value]:
    """Return the value of every feature in the catalogue.

    Windows look back from when the payment was asked for; what came later, as where this one was delayed, is not in
    them. What the payment has none of was never seen, and nothing is counted by it.
    """
    seen = [states.get(entity, _NOTHING) if entity else None for entity in subject.entities]
    values = _facts(subject)
    for kind, state in enumerate(seen):
        _count(values, kind, state, subject)
    values.update(_distinct(subject, seen))
    payer = seen[PAYER] or _NOTHING
    values.update(_profile(subject, payer))
    for kind, name in _LABELLED:
        values.update(label_features(name, _labelled(seen[kind] or _NOTHING, subject.at)))
    for name in _CONTEXT:
        values[name] = getattr(context, name)
    return values


def observe(states: Mapping[Entity, State], subject: Subject, outcome: RiskOutcome) -> None:
    """Add a payment about which was decided, by all that it names. Once for each payment."""
    for entity in subject.entities:
        if entity:
            states[entity].see(subject.at, declined=outcome is RiskOutcome.DECLINE)
    for _, _, kind, what, other in _DISTINCT:
        if (entity := subject.entities[kind]) and (seen := subject.seen_names[other]):
            states[entity].add_distinct(what, seen, subject.at)
    if subject.country:
        states[subject.payer_entity].add_distinct(_COUNTRIES, subject.country, subject.at)
    if outcome is RiskOutcome.APPROVE:
        _approve(states, subject, subject.at)


def approve_later(states: Mapping[Entity, State], subject: Subject, decided_at: datetime) -> None:
    """Add the money of a payment that was under review and is approved now: it moves now, whenever it was asked for."""
    _approve(states, subject, int(decided_at.timestamp()))


def label(states: Mapping[Entity, State], subject: Subject, *, fraud: bool) -> None:
    """Add that a payment is known to be a fraud; or, where it was, that it is none after all."""
    for kind, _ in _LABELLED:
        if entity := subject.entities[kind]:
            states[entity].add_label(subject.at, payments=0, frauds=1 if fraud else -1)


def _approve(states: Mapping[Entity, State], subject: Subject, at: int) -> None:
    for entity in subject.entities:
        if entity:
            states[entity].add_money(at, subject.currency, subject.amount)
    states[subject.payer_entity].add_spent(at, subject.currency, subject.amount)
    for kind, _ in _LABELLED:
        if entity := subject.entities[kind]:
            states[entity].add_label(subject.at, payments=1, frauds=0)


def _facts(subject: Subject) -> dict[str, Value]:
    asked_at = subject.asked_at.astimezone(UTC)
    proven = subject.authenticated_at
    return {
        "amount": subject.amount,
        "unit": 10 ** minor_unit_exponents()[subject.currency],
        "currency": subject.currency,
        "direction": subject.direction,
        "method": subject.method,
        "country": subject.country or "",
        "hour": asked_at.hour,
        "weekday": asked_at.weekday(),
        "authenticated_seconds": -1 if proven is None else max(0, int((asked_at - proven).total_seconds())),
    }


def _count(values: dict[str, Value], kind: int, state: State | None, subject: Subject) -> None:
    age, idle, is_new = _TIME_NAMES[kind]
    this_one, amount = (0, 0) if state is None else (1, subject.amount)
    known = state or _NOTHING
    attempts, declined, sums = known.windows(subject.at, subject.currency, this_one, amount)
    values.update(zip(_COUNT_NAMES[kind], attempts, strict=True))
    values.update(zip(_SUM_NAMES[kind], sums, strict=True))
    for place, name in _DECLINED_NAMES[kind]:
        values[name] = declined[place]
    values[age] = 0 if known.first_seen is None else max(0, subject.at - known.first_seen)
    values[idle] = -1 if known.last_seen is None else max(0, subject.at - known.last_seen)
    values[is_new] = known.first_seen is None


def _distinct(subject: Subject, seen: list[State | None]) -> Iterator[tuple[str, Value]]:
    for feature, length, kind, what, other in _DISTINCT:
        state = seen[kind]
        yield feature, state.count_distinct(what, subject.at - length, subject.seen_names[other]) if state else 0
    payer, since = seen[PAYER] or _NOTHING, subject.at - WINDOWS["30d"]
    yield "payer_countries_30d", payer.count_distinct(_COUNTRIES, since, subject.country)


def _profile(subject: Subject, payer: State) -> Iterator[tuple[str, Value]]:
    week, month = (payer.spent(subject.at, subject.currency, days) for days in (7, 30))
    yield "payer_hour_share", _hour_share(payer, subject.at // 3_600 % 24)
    yield from profile_features(subject.amount, week, month).items()


def _hour_share(payer: State, hour: int) -> float:
    total = sum(payer.hours)
    near = sum(payer.hours[(hour + step) % 24] for step in (-1, 0, 1))
    return near / total if total else 0.0


def _labelled(state: State, now: int) -> Iterator[Labelled]:
    """Return what is known of payments whose labels are due, the newest first."""
    due = now - LABEL_DELAY_SECONDS
    for place, payments, frauds in reversed(state.labels):
        ago = due - (place + 1) * LABEL_BUCKET
        if ago >= 0:
            yield Labelled(ago, max(payments, frauds), max(frauds, 0))
