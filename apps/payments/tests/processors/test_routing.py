from collections import Counter
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.routing import Candidate, Routing, Rule
from contracts.ids import new_id
from contracts.payments import MethodType, PaymentDirection

NAMES = ("alpha", "beta", "gamma", "delta")
BOTH = frozenset({MethodType.CARD, MethodType.BANK})
METHODS = dict.fromkeys(NAMES, BOTH)


def payment(
    *,
    currency: str = "EUR",
    amount: int = 1000,
    country: str | None = None,
    method: MethodType = MethodType.CARD,
    direction: PaymentDirection = PaymentDirection.PAYMENT,
) -> Candidate:
    return Candidate(new_id(), currency, amount, country, method, direction)


RULES = (
    Rule(("alpha",), currencies=frozenset({"USD"})),
    Rule(("beta",), countries=frozenset({"DE", "AT"})),
    Rule(("gamma",), methods=frozenset({MethodType.BANK})),
    Rule(("delta",), directions=frozenset({PaymentDirection.TOP_UP})),
    Rule(("alpha", "beta"), amount_from=500, amount_to=999),
    Rule(("beta", "alpha")),
)


@pytest.mark.parametrize(
    ("candidate", "route"),
    [
        (payment(currency="USD", country="DE"), ("alpha",)),
        (payment(country="DE", method=MethodType.BANK), ("beta",)),
        (payment(country="FR"), ("beta", "alpha")),
        (payment(method=MethodType.BANK), ("gamma",)),
        (payment(direction=PaymentDirection.TOP_UP), ("delta",)),
        (payment(amount=499), ("beta", "alpha")),
        (payment(amount=500), ("alpha", "beta")),
        (payment(amount=999), ("alpha", "beta")),
        (payment(amount=1000), ("beta", "alpha")),
    ],
)
def test_the_first_rule_that_holds_decides(candidate: Candidate, route: tuple[str, ...]) -> None:
    assert Routing(RULES, METHODS).route(candidate) == route


def test_a_processor_gets_only_what_it_takes() -> None:
    routing = Routing([Rule(("alpha", "beta"))], {"alpha": {MethodType.BANK}, "beta": {MethodType.CARD}})
    assert routing.route(payment()) == ("beta",)
    assert routing.route(payment(method=MethodType.BANK)) == ("alpha",)


def test_without_a_rule_nobody_takes_it() -> None:
    assert Routing([], METHODS).route(payment()) == ()


def test_each_processor_is_tried_once() -> None:
    candidate = payment()
    tried: list[str] = []
    routing = Routing([Rule(NAMES)], METHODS)
    while name := routing.after(candidate, tried):
        tried.append(name)
    assert tuple(tried) == NAMES


def test_weights_share_the_first_place() -> None:
    rule = Rule(("alpha", "beta"), MappingProxyType({"alpha": 3, "beta": 1}))
    routing = Routing([rule], METHODS)
    firsts = Counter(routing.route(payment())[0] for _ in range(8000))
    assert 0.72 < firsts["alpha"] / 8000 < 0.78


WEIGHTS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 1000), min_size=1)


@given(WEIGHTS, st.uuids())
def test_a_payment_keeps_its_order(weights: dict[str, int], seed: object) -> None:
    rule = Rule(tuple(weights), weights)
    order = rule.order_for(seed)  # type: ignore[arg-type]
    assert sorted(order) == sorted(weights)
    assert Rule(tuple(reversed(tuple(weights))), weights).order_for(seed) == order  # type: ignore[arg-type]


@given(WEIGHTS.filter(lambda weights: len(weights) > 1), st.uuids(), st.data())
def test_taking_a_processor_out_keeps_the_order_of_the_rest(
    weights: dict[str, int], seed: object, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(weights)))
    rest = {name: weight for name, weight in weights.items() if name != gone}
    before = Rule(tuple(weights), weights).order_for(seed)  # type: ignore[arg-type]
    after = Rule(tuple(rest), rest).order_for(seed)  # type: ignore[arg-type]
    assert after == tuple(name for name in before if name != gone)


CURRENCIES, COUNTRIES = ("EUR", "USD", "JPY"), (None, "DE", "FR", "US")
CANDIDATES = st.builds(
    Candidate,
    intent_id=st.uuids(),
    currency=st.sampled_from(CURRENCIES),
    amount=st.integers(1, 10**12),
    country=st.sampled_from(COUNTRIES),
    method=st.sampled_from([MethodType.CARD, MethodType.BANK]),
    direction=st.sampled_from(list(PaymentDirection)),
)
RULE = st.builds(
    Rule,
    processors=st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
    currencies=st.frozensets(st.sampled_from(CURRENCIES)),
    countries=st.frozensets(st.sampled_from(["DE", "FR", "US"])),
    methods=st.frozensets(st.sampled_from([MethodType.CARD, MethodType.BANK])),
    directions=st.frozensets(st.sampled_from(list(PaymentDirection))),
    amount_from=st.none() | st.integers(0, 10**12),
    amount_to=st.none() | st.integers(0, 10**12),
)
ABLE = st.fixed_dictionaries({name: st.frozensets(st.sampled_from(sorted(BOTH)), min_size=1) for name in NAMES})


@given(st.lists(RULE, max_size=6), ABLE, CANDIDATES)
def test_a_route_is_one_rules_and_of_able_processors(
    rules: list[Rule], able: dict[str, frozenset[MethodType]], candidate: Candidate
) -> None:
    route = Routing(rules, able).route(candidate)
    assert len(set(route)) == len(route)
    assert all(candidate.method in able[name] for name in route)
    holding = [rule for rule in rules if rule.holds_for(candidate)]
    if holding:
        assert route == tuple(n for n in holding[0].processors if candidate.method in able[n])
    else:
        assert route == ()
