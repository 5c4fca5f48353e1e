import json

import pytest
from pydantic import TypeAdapter, ValidationError

from apps.payments.domain.routing import Candidate
from apps.payments.processors.configuration import ProcessorSettings, RouteSettings, routing
from apps.payments.processors.registry import build
from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.processors.stripe import StripeProcessor
from contracts.ids import new_id
from contracts.payments import MethodType, PaymentDirection

SANDBOX: dict[str, object] = {
    "name": "sandbox",
    "kind": "sandbox",
    "url": "http://127.0.0.1:9/sandbox",
    "api_key": "key-of-the-sandbox",
    "webhook_secret": "whsec_c2FuZGJveC1zZWNyZXQtb2Ytd2ViaG9va3M=",
}
STRIPE: dict[str, object] = SANDBOX | {
    "name": "stripe",
    "kind": "stripe",
    "url": "https://api.stripe.com",
    "methods": ["card"],
}
PROCESSORS, ROUTES = TypeAdapter(tuple[ProcessorSettings, ...]), TypeAdapter(tuple[RouteSettings, ...])


def processors(*said: dict[str, object]) -> tuple[ProcessorSettings, ...]:
    return PROCESSORS.validate_json(json.dumps(said))


def routes(*said: dict[str, object]) -> tuple[RouteSettings, ...]:
    return ROUTES.validate_json(json.dumps(said))


def candidate(method: MethodType = MethodType.CARD) -> Candidate:
    return Candidate(new_id(), "EUR", 1000, None, method, PaymentDirection.PAYMENT)


async def test_each_kind_has_its_adapter() -> None:
    built = build(processors(SANDBOX, STRIPE))
    assert isinstance(built["sandbox"], SandboxProcessor)
    assert isinstance(built["stripe"], StripeProcessor)
    for processor in built.values():
        await processor.close()


def test_without_routes_the_order_is_that_of_the_processors() -> None:
    table = routing(processors(SANDBOX, STRIPE), [])
    assert table.route(candidate()) == ("sandbox", "stripe")
    assert table.route(candidate(MethodType.BANK)) == ("sandbox",)


def test_routes_name_processors_in_order_or_with_weights() -> None:
    said = routes(
        {"processors": {"sandbox": 9, "stripe": 1}, "currencies": ["USD"]},
        {"processors": ["stripe", "sandbox"], "methods": ["card"], "amount_to": 5000},
    )
    table = routing(processors(SANDBOX, STRIPE), said)
    assert table.rules[0].weights == {"sandbox": 9, "stripe": 1}
    assert table.route(candidate()) == ("stripe", "sandbox")


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match="same name"):
        routing(processors(SANDBOX, SANDBOX), [])
    with pytest.raises(ValueError, match="not there: adyen"):
        routing(processors(SANDBOX), routes({"processors": ["adyen"]}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://127.0.0.1"},
        {"timeout_seconds": 13},
        {"methods": ["wallet"]},
        {"methods": []},
        {"api_key": ""},
        {"name": "No Name"},
        {"surprise": 1},
    ],
)
def test_wrong_settings_are_refused_and_not_repeated(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as raised:
        processors(SANDBOX | wrong)
    assert "key-of-the-sandbox" not in str(raised.value)


@pytest.mark.parametrize("wrong", [{"processors": []}, {"processors": {}}, {"processors": {"sandbox": 0}}])
def test_a_route_leads_somewhere(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        routes(wrong)


def test_secrets_do_not_show() -> None:
    assert "key-of-the-sandbox" not in repr(processors(SANDBOX))


def test_a_secret_that_cannot_be_one_stops_the_start() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        build(processors(SANDBOX | {"webhook_secret": "whsec_€"}))
