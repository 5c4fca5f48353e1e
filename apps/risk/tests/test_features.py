"""What was seen is the same whatever the order, and what windows say is what looking at every payment says."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.features.amounts import with_amount
from apps.risk.domain.features.catalogue import CATALOGUE, WINDOWS, Type, Value
from apps.risk.domain.features.computing import Context, approve_later, compute, label, observe
from apps.risk.domain.features.entities import Entity, Subject, entities_of
from apps.risk.domain.features.state import BUCKETS, MOST_DISTINCT, State
from contracts.risk import RiskOutcome

DAY = 86_400
START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = 50 * DAY
_PYTHON = {Type.INT: int, Type.DOUBLE: float, Type.BOOL: bool, Type.STRING: str}


@dataclass(frozen=True)
class Seen:
    """A payment, what was decided about it, and whether it became known as a fraud."""

    subject: Subject
    outcome: RiskOutcome
    fraud: bool = False


def _name(prefix: str, number: int | None) -> str | None:
    return None if number is None else f"{prefix}{number}"


@st.composite
def payments(draw: st.DrawFn) -> Seen:
    """Draw a payment among few payers, payees, devices and cards, so that they meet; often close to another in time."""
    few = st.one_of(st.none(), st.integers(1, 3))
    payee = draw(few)
    at = draw(st.one_of(st.integers(0, 120), st.integers(0, SPAN), st.integers(SPAN - 7_200, SPAN)))
    subject = Subject(
        assessment_id=UUID(int=draw(st.integers(1, 2**100))),
        payer=UUID(int=draw(st.integers(1, 2))),
        amount=draw(st.integers(1, 10**12)),
        currency=draw(st.sampled_from(("EUR", "USD"))),
        asked_at=START + timedelta(seconds=at),
        payee=None if payee is None else UUID(int=100 + payee),
        device=_name("d", draw(few)),
        address=_name("a", draw(few)),
        card=_name("c", draw(few)),
        country=draw(st.sampled_from((None, "DE", "FR"))),
    )
    return Seen(subject, draw(st.sampled_from(RiskOutcome)), draw(st.booleans()))


class World:
    """All states, as if each were kept in a database: packed after everything that changes them."""

    def __init__(self, *, restarting: bool = True) -> None:
        self._restarting = restarting
        self._packed: dict[Entity, bytes] = {}
        self._states: dict[Entity, State] = {}

    def change(self, subject: Subject, changing: Callable[[dict[Entity, State]], None]) -> None:
        states = self.of(subject)
        changing(states)
        self._states |= states
        if self._restarting:
            self._packed |= {entity: state.packed() for entity, state in states.items()}

    def of(self, subject: Subject) -> dict[Entity, State]:
        if not self._restarting:
            return {entity: self._states.get(entity) or State() for entity in entities_of(subject)}
        return {e: State.of(self._packed[e]) if e in self._packed else State() for e in entities_of(subject)}

    def see(self, seen: Seen) -> None:
        self.change(seen.subject, lambda states: observe(states, seen.subject, seen.outcome))
        if seen.fraud:
            self.change(seen.subject, lambda states: label(states, seen.subject, fraud=True))

    def packed(self) -> dict[Entity, bytes]:
        return {entity: state.packed() for entity, state in self._states.items()}


def _world(history: Sequence[Seen], *, restarting: bool = True) -> World:
    world = World(restarting=restarting)
    for seen in history:
        world.see(seen)
    return world


def _values(world: World, subject: Subject) -> dict[str, Value]:
    return compute(subject, world.of(subject), Context())


@given(st.lists(payments(), max_size=30), st.randoms(use_true_random=False))
def test_order_and_restarts_change_nothing(history: list[Seen], chance: random.Random) -> None:
    shuffled = chance.sample(history, len(history))
    assert _world(history).packed() == _world(shuffled).packed() == _world(shuffled, restarting=False).packed()


def _bucketed(at: int, now: int, length: int, size: int) -> bool:
    """Tell whether the bucket of `at` overlaps the window that ends now."""
    return (now - length) // size <= at // size <= now // size


@given(st.lists(payments(), max_size=25), payments())
def test_windows_say_what_looking_at_every_payment_says(history: list[Seen], this: Seen) -> None:
    now = replace(this.subject, asked_at=max([this.subject.asked_at, *(s.subject.asked_at for s in history)]))
    values = _values(_world(history), now)
    before = [seen for seen in history if seen.subject.payer == now.payer]
    for window, length in WINDOWS.items():
        inside = [s for s in before if _bucketed(s.subject.at, now.at, length, BUCKETS[window])]
        assert values[f"payer_count_{window}"] == len(inside) + 1
        approved = [s for s in inside if s.outcome is RiskOutcome.APPROVE and s.subject.currency == now.currency]
        assert values[f"payer_sum_{window}"] == sum(s.subject.amount for s in approved) + now.amount
        for s in before:
            if now.at - length < s.subject.at:
                assert s in inside, "no window is shorter than it says"
            elif now.at - length - BUCKETS[window] >= s.subject.at:
                assert s not in inside, "no window is longer by more than a bucket"
    day = [s for s in before if _bucketed(s.subject.at, now.at, DAY, BUCKETS["24h"])]
    assert values["payer_declined_24h"] == sum(s.outcome is RiskOutcome.DECLINE for s in day)
    payees = {s.subject.payee for s in before if s.subject.at > now.at - DAY} | {now.payee}
    assert values["payer_payees_24h"] == len(payees - {None})
    with_card = [s for s in history if now.card and s.subject.card == now.card]
    assert values["card_is_new"] is (not with_card)
    assert values["card_idle_seconds"] == (now.at - max(s.subject.at for s in with_card) if with_card else -1)


@given(st.lists(payments(), max_size=10), payments())
def test_every_feature_has_a_value_of_its_type(history: list[Seen], this: Seen) -> None:
    values = _values(_world(history), this.subject)
    assert {name: type(value) for name, value in values.items()} == {f.name: _PYTHON[f.type] for f in CATALOGUE}


@given(st.lists(payments(), max_size=10), payments(), st.integers(1, 10**12))
def test_another_amount_is_as_if_it_had_been_asked_for(history: list[Seen], this: Seen, amount: int) -> None:
    world = _world(history)
    found = with_amount(_values(world, this.subject), amount)
    asked = _values(world, replace(this.subject, amount=amount))
    limits = {name for name in found if name.startswith("limit_")}
    deviation = {"payer_amount_deviation"} if found["payer_amount_deviation"] == 0 else set()
    compared = [f for f in CATALOGUE if f.name not in limits | deviation]
    doubles = [f.name for f in compared if f.type is Type.DOUBLE]
    others = [f.name for f in compared if f.type is not Type.DOUBLE]
    assert [found[name] for name in others] == [asked[name] for name in others]
    assert [found[name] for name in doubles] == pytest.approx([asked[name] for name in doubles], rel=1e-3)


def _paying(at: timedelta, **more: str | UUID) -> Subject:
    return Subject(UUID(int=1), UUID(int=2), 100, "EUR", START + at, **more)  # type: ignore[arg-type]


def test_a_payment_that_was_delayed_sees_nothing_that_came_later() -> None:
    world = _world([Seen(_paying(timedelta(hours=2)), RiskOutcome.APPROVE)] * 3)
    assert _values(world, _paying(timedelta(0)))["payer_count_1m"] == 1
    assert _values(world, _paying(timedelta(0)))["payer_age_seconds"] == 0


def test_money_that_an_analyst_approves_counts_from_then_on() -> None:
    world, subject = World(), _paying(timedelta(0), payee=UUID(int=3))
    world.see(Seen(subject, RiskOutcome.REVIEW))
    world.change(subject, lambda states: approve_later(states, subject, START + timedelta(hours=5)))
    later = _values(world, _paying(timedelta(hours=5), payee=UUID(int=3)))
    assert (later["payer_count_1h"], later["payer_sum_1h"], later["payee_sum_10m"]) == (1, 200, 200)


def test_a_label_shows_when_its_delay_is_over() -> None:
    world, subject = World(), _paying(timedelta(0), payee=UUID(int=3))
    world.see(Seen(subject, RiskOutcome.APPROVE, fraud=True))
    early, due = (_values(world, _paying(timedelta(days=d, hours=6), payee=UUID(int=3))) for d in (6, 7))
    assert (early["payee_frauds_7d"], early["payee_labelled_7d"]) == (0, 0)
    assert (due["payee_frauds_7d"], due["payee_labelled_7d"], due["payee_fraud_run"]) == (1, 1, 1)
    world.change(subject, lambda states: label(states, subject, fraud=False))
    corrected = _values(world, _paying(timedelta(days=8), payee=UUID(int=3)))
    assert (corrected["payee_frauds_30d"], corrected["payee_labelled_30d"]) == (0, 1)


@given(st.lists(payments(), max_size=30))
def test_states_of_the_first_format_are_read(history: list[Seen]) -> None:
    """There each window had buckets of its own, which counted all payments that it reached back to."""
    state = State()
    for seen in history:
        state.see(seen.subject.at, declined=seen.outcome is RiskOutcome.DECLINE)
        state.add_money(seen.subject.at, seen.subject.currency, seen.subject.amount)
    newest = max((seen.subject.at for seen in history), default=0)
    levels: list[list[list[object]]] = []
    for length, size in zip(WINDOWS.values(), BUCKETS.values(), strict=True):
        level: dict[int, State] = {}
        for seen in history:
            if seen.subject.at // size >= (newest - length) // size:
                level.setdefault(seen.subject.at // size, State()).see(0, declined=seen.outcome is RiskOutcome.DECLINE)
                level[seen.subject.at // size].add_money(0, seen.subject.currency, seen.subject.amount)
        levels.append([[place, *level[place].recent[0][1:]] for place in sorted(level)])
    first = orjson.dumps((1, state.first_seen, state.last_seen, levels, [], [], {}, state.hours))
    assert State.of(first).packed() == state.packed()


def test_what_is_kept_stays_small() -> None:
    """A payee whom somebody pays every few seconds, with ever new payers, in every bucket there is."""
    state, chance = State(), random.Random(1)  # noqa: S311 - the same each time
    for number in range(60_000):
        at = chance.randrange(90 * DAY)
        state.see(at, declined=False)
        state.add_money(at, "EUR", 10**6)
        state.add_label(at, 1, 0)
        state.add_distinct("payers", str(number), at)
    kept = State.of(state.packed())
    assert len(kept.packed()) < 12_000
    assert len(kept.distinct["payers"]) <= MOST_DISTINCT
