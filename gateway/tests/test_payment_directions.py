"""Payments by wallet, card and bank, top-ups and payouts: what payments is told, and which ends do not fit."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from contracts.ids import new_id
from contracts.payments import CreatePaymentIntent
from gateway.pseudonyms import pseudonym
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, intent_of

PATH = "/v1/payment_intents"
UNSAID = {"payment_intent_id", "idempotency", "authenticated_at", "address"}
MONEY: dict[str, Any] = {"amount": 1250, "currency": "EUR"}
CARD: dict[str, Any] = {"type": "card", "token": "tok_visa"}
BANK: dict[str, Any] = {"type": "bank", "token": "tok_bank"}


@pytest.fixture
def merchant() -> UUID:
    return new_id()


@pytest.fixture
def ends(services: ScriptedServices, user: UUID, merchant: UUID) -> dict[str, str]:
    wallets = {"mine": services.wallet(user), "theirs": services.wallet(merchant), "other": services.wallet(user)}
    return {name: str(wallet) for name, wallet in wallets.items()}


async def _ask(gateway: Gateway, services: ScriptedServices, user: UUID, body: dict[str, Any]) -> httpx.Response:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    headers = services.signer.bearer(user) | {"Idempotency-Key": "key-1"}
    return await gateway.http.post(PATH, json=MONEY | body, headers=headers)


def _told(services: ScriptedServices) -> CreatePaymentIntent:
    (command,) = services.commands(CreatePaymentIntent)
    told: CreatePaymentIntent = command.data
    return told


async def test_a_card_payment_goes_to_the_owner_of_the_destination(
    gateway: Gateway, services: ScriptedServices, user: UUID, merchant: UUID, ends: dict[str, str]
) -> None:
    body = {
        "destination_wallet": ends["theirs"],
        "payment_method": CARD,
        "capture_method": "manual",
        "application_fee": 50,
        "description": "Shoes",
        "statement_descriptor": "LEDGERLINK SHOP",
        "metadata": {"order": "4711"},
        "return_url": "https://shop.example/orders/4711",
        "country": "DE",
        "confirm": True,
    }
    answer = await _ask(gateway, services, user, body)
    assert answer.status_code == 201, answer.text
    told = _told(services).model_dump(mode="json", exclude=UNSAID, exclude_none=True)
    parties = {"customer": str(user), "merchant": str(merchant), "direction": "payment"}
    assert told == MONEY | body | parties


@pytest.mark.parametrize("spelling", ["source_wallet", "payment_method", "both"])
async def test_a_wallet_can_be_named_in_two_ways(
    gateway: Gateway, services: ScriptedServices, user: UUID, merchant: UUID, ends: dict[str, str], spelling: str
) -> None:
    method: dict[str, Any] = {"payment_method": {"type": "wallet", "wallet": ends["mine"]}}
    named: dict[str, dict[str, Any]] = {"source_wallet": {"source_wallet": ends["mine"]}, "payment_method": method}
    named["both"] = named["source_wallet"] | method
    answer = await _ask(gateway, services, user, {"destination_wallet": ends["theirs"]} | named[spelling])
    assert answer.status_code == 201, answer.text
    told = _told(services)
    assert (str(told.source_wallet), told.merchant) == (ends["mine"], merchant)
    assert (told.payment_method is None) == (spelling == "source_wallet")


async def test_how_it_is_paid_can_be_said_later(
    gateway: Gateway, services: ScriptedServices, user: UUID, merchant: UUID, ends: dict[str, str]
) -> None:
    answer = await _ask(gateway, services, user, {"destination_wallet": ends["theirs"]})
    assert answer.status_code == 201
    told = _told(services)
    assert (told.source_wallet, told.payment_method, told.merchant) == (None, None, merchant)


async def test_a_top_up_is_for_oneself(
    gateway: Gateway, services: ScriptedServices, user: UUID, ends: dict[str, str]
) -> None:
    body = {"direction": "top_up", "destination_wallet": ends["mine"], "payment_method": BANK}
    assert (await _ask(gateway, services, user, body)).status_code == 201
    told = _told(services)
    assert (told.direction, told.merchant, told.source_wallet) == ("top_up", user, None)


async def test_a_payout_goes_to_a_bank(
    gateway: Gateway, services: ScriptedServices, user: UUID, ends: dict[str, str]
) -> None:
    body = {"direction": "payout", "source_wallet": ends["mine"], "payment_method": BANK}
    assert (await _ask(gateway, services, user, body)).status_code == 201
    told = _told(services)
    assert (told.direction, told.merchant, told.destination_wallet) == ("payout", None, None)
    assert str(told.source_wallet) == ends["mine"]


WALLET = {"type": "wallet", "wallet": "mine"}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"source_wallet": "mine"}, "destination_required", "destination_wallet"),
    ({"direction": "top_up", "payment_method": CARD}, "destination_required", "destination_wallet"),
    ({"direction": "payout", "payment_method": BANK}, "source_required", "source_wallet"),
    ({"direction": "top_up", "destination_wallet": "mine", "source_wallet": "other"}, "wallet_not_possible",
     "source_wallet"),
    ({"direction": "payout", "source_wallet": "mine", "destination_wallet": "theirs"}, "wallet_not_possible",
     "destination_wallet"),
    ({"destination_wallet": "theirs", "source_wallet": "mine", "payment_method": CARD}, "wallet_not_possible",
     "source_wallet"),
    ({"destination_wallet": "theirs", "source_wallet": "other", "payment_method": WALLET}, "wallet_not_possible",
     "source_wallet"),
    ({"direction": "top_up", "destination_wallet": "mine", "payment_method": WALLET}, "payment_method_not_possible",
     "payment_method"),
    ({"direction": "payout", "source_wallet": "mine", "payment_method": CARD}, "payment_method_not_possible",
     "payment_method"),
    ({"direction": "top_up", "destination_wallet": "theirs", "payment_method": CARD}, "wallet_not_found",
     "destination_wallet"),
    ({"direction": "payout", "source_wallet": "theirs", "payment_method": BANK}, "wallet_not_found", "source_wallet"),
    ({"destination_wallet": "mine", "payment_method": {"type": "wallet", "wallet": "theirs"}}, "wallet_not_found",
     "payment_method"),
    ({"destination_wallet": "theirs", "payment_method": CARD, "currency": "USD"}, "currency_mismatch", "currency"),
    ({"destination_wallet": "theirs", "payment_method": WALLET, "currency": "USD"}, "currency_mismatch", "currency"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "parameter"), WRONG)
async def test_ends_that_do_not_fit_are_told_and_nothing_is_asked(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    ends: dict[str, str],
    body: dict[str, Any],
    code: str,
    parameter: str,
) -> None:
    named = {name: ends.get(str(value), value) for name, value in body.items()}
    if "wallet" in (method := dict(named.get("payment_method", {}))):
        named["payment_method"] = method | {"wallet": ends[method["wallet"]]}
    answer = await _ask(gateway, services, user, named)
    assert (answer.json()["code"], answer.json()["parameter"]) == (code, parameter), answer.text
    assert answer.status_code == (404 if code == "wallet_not_found" else 422)
    assert services.commands(CreatePaymentIntent) == []


async def test_of_where_a_request_comes_from_payments_is_told_pseudonyms(
    gateway: Gateway, services: ScriptedServices, user: UUID, ends: dict[str, str]
) -> None:
    gateway.http.headers["X-Device-Id"] = "9f4c1e2a-app"
    body = {"source_wallet": ends["mine"], "destination_wallet": ends["theirs"]}
    assert (await _ask(gateway, services, user, body)).status_code == 201
    told = _told(services)
    assert told.device == pseudonym(SecretStr("0" * 32), "device", "9f4c1e2a-app")
    assert told.address is not None
    assert told.address != told.device
    assert "9f4c1e2a-app" not in told.model_dump_json()


async def test_a_device_has_a_name_of_bounded_length(
    gateway: Gateway, services: ScriptedServices, user: UUID, ends: dict[str, str]
) -> None:
    body = {"source_wallet": ends["mine"], "destination_wallet": ends["theirs"]}
    for name in ("short", "x" * 201):
        gateway.http.headers["X-Device-Id"] = name
        answer = await _ask(gateway, services, user, body)
        assert 400 <= answer.status_code < 500
    assert services.commands(CreatePaymentIntent) == []
