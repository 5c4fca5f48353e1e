"""What is wrong with a request, and the answer that says what to change; over a socket where it might hang."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from itertools import product
from typing import Any
from uuid import UUID

import orjson
import pytest

from contracts.identity import Scope
from contracts.ids import new_id
from contracts.payments import CreatePaymentIntent
from contracts.risk import DraftRuleSet, RegisterModel
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running, served
from gateway.tests.scripted_services import ScriptedServices, completed, intent_of

PATH = "/v1/payment_intents"


@pytest.fixture
def body(services: ScriptedServices, user: UUID) -> dict[str, Any]:
    mine, theirs = str(services.wallet(user)), str(services.wallet(new_id()))
    return {"source_wallet": mine, "destination_wallet": theirs, "amount": 1250, "currency": "EUR"}


@pytest.fixture
def headers(services: ScriptedServices, user: UUID) -> dict[str, str]:
    return services.signer.bearer(user) | {"Idempotency-Key": "key-1", "Content-Type": "application/json"}


FIELDS: list[tuple[str, Any]] = [
    ("amount", "1250"),
    ("amount", 12.5),
    ("amount", 1250.0),
    ("amount", True),
    ("amount", None),
    ("amount", 0),
    ("amount", -1),
    ("amount", 10**12 + 1),
    ("amount", 10**40),
    ("amount", {"amount": 1}),
    ("currency", "eur"),
    ("currency", "ABC"),
    ("currency", "XAU"),
    ("currency", 978),
    ("source_wallet", "mine"),
    ("source_wallet", 7),
    ("destination_wallet", 7),
    ("direction", "sideways"),
    ("payment_method", {"type": "cash"}),
    ("payment_method", {"token": "tok_visa"}),
    ("payment_method", {"type": ["card"]}),
    ("payment_method", "card"),
    ("capture_method", "later"),
    ("application_fee", -1),
    ("application_fee", True),
    ("statement_descriptor", "abc"),
    ("metadata", {"order": 4711}),
    ("metadata", {f"k{n}": "v" for n in range(21)}),
    ("return_url", "javascript:alert(1)"),
    ("return_url", "https://[shop/"),
    ("return_url", "https://?order=4711"),
    ("return_url", 'https://shop.example/"><p>'),
    ("return_url", "https://shop.example/\u2028"),
    ("country", "Germany"),
    ("confirm", "true"),
    ("confirm", 1),
    ("description", "x" * 501),
    ("description", "nul\0"),
    ("description", "half \ud800"),
    ("tip", 5),
]


async def test_a_field_that_does_not_fit_is_named(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    for field, value in FIELDS:
        answer = await gateway.http.post(PATH, content=_loosely(body | {field: value}), headers=headers)
        document = answer.json()
        assert (answer.status_code, document["code"]) == (422, "invalid_request"), f"{field}: {value!a}"
        assert document["errors"][0]["location"].split("/")[:2] == ["body", field], f"{field}: {value!a}"
    assert services.commands(CreatePaymentIntent) == []


IN_METHODS = [
    ({"type": "card"}, "body/payment_method/card/token", "Field required"),
    ({"type": "card", "token": "4242"}, "body/payment_method/card/token", "String should match pattern"),
    ({"type": "bank", "token": "tok_bank", "iban": "x"}, "body/payment_method/bank/iban", "Extra inputs"),
    ({"type": "wallet", "wallet": "mine"}, "body/payment_method/wallet/wallet", "valid UUID"),
    ({"type": "wallet", "token": "tok_visa"}, "body/payment_method/wallet/wallet", "Field required"),
    ({}, "body/payment_method", "must have a `type`"),
]


async def test_what_does_not_fit_a_payment_method_is_named(
    gateway: Gateway, body: dict[str, Any], headers: dict[str, str]
) -> None:
    for method, location, detail in IN_METHODS:
        answer = await gateway.http.post(PATH, json=body | {"payment_method": method}, headers=headers)
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["location"]) == (422, location), method
        assert detail in error["detail"], method


def _loosely(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()  # writes what orjson refuses: half surrogate pairs, large numbers


DOCUMENTS = [("/v1/risk/rule_sets", "document"), ("/v1/risk/models", "document")]
NOT_KEEPABLE = [2**64, -(2**63) - 1, 10**30, "half \ud800", "nul\0"]


@pytest.mark.parametrize(("path", "member"), DOCUMENTS)
async def test_what_no_store_keeps_of_a_document_is_named(
    gateway: Gateway, services: ScriptedServices, path: str, member: str
) -> None:
    analyst = services.signer.bearer(new_id(), role="analyst", scope=Scope.RISK_WRITE)
    typed = analyst | {"Idempotency-Key": "key-1", "Content-Type": "application/json"}
    for value in NOT_KEEPABLE:
        for document in ({"name": value}, {"rules": [{"a": value}]}):
            answer = await gateway.http.post(path, content=_loosely({member: document}), headers=typed)
            told = answer.json()
            assert (answer.status_code, told["code"]) == (422, "invalid_request"), f"{value!a}: {told}"
            assert told["errors"][0]["location"] == f"body/{member}"
    for kind in (DraftRuleSet, RegisterModel):
        assert services.commands(kind) == []


MALFORMED = [
    (b"", 422, "invalid_request"),
    (b"{", 400, "malformed_json"),
    (b"{'a': 1}", 400, "malformed_json"),
    (b'{"a": 1} {}', 400, "malformed_json"),
    (b'{"amount": 1, "amount": 2}', 400, "malformed_json"),
    (b"[]", 422, "invalid_request"),
    (b'"text"', 422, "invalid_request"),
    (b"null", 422, "invalid_request"),
    (b"\xff\xfe", 400, "malformed_request"),
    ('{"amount": 1}'.encode("utf-16"), 400, "malformed_request"),
    (b'{"description": "\xff"}', 400, "malformed_request"),
    (b"[" * 20_000, 400, "malformed_json"),
    (b'{"metadata": ' + b"[" * 31 + b"]" * 31 + b"}", 422, "invalid_request"),
    (b'{"metadata": ' + b"[" * 32 + b"]" * 32 + b"}", 400, "malformed_json"),
    (b'{"amount": ' + b"9" * 5000 + b"}", 400, "malformed_json"),
    (b'{"amount": NaN}', 400, "malformed_json"),
    (b'{"amount": -Infinity}', 400, "malformed_json"),
    (b'{"amount": 1e999}', 400, "malformed_json"),
]


async def test_a_body_that_cannot_be_read(gateway: Gateway, headers: dict[str, str]) -> None:
    for content, status, code in MALFORMED:
        answer = await gateway.http.post(PATH, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), content[:50]
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_media_type_that_is_not_json(gateway: Gateway, body: dict[str, Any], headers: dict[str, str]) -> None:
    del headers["Content-Type"]
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", None):
        typed = headers | ({"Content-Type": media_type} if media_type else {})
        answer = await gateway.http.post(PATH, content=orjson.dumps(body), headers=typed)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), media_type


KEYS = [
    (None, "idempotency_key_required"),
    ("", "idempotency_key_required"),
    ("k" * 256, "idempotency_key_invalid"),
    ("schlüssel".encode(), "idempotency_key_invalid"),
]


async def test_every_command_needs_a_sound_key(gateway: Gateway, services: ScriptedServices) -> None:
    paths = (PATH, f"{PATH}/{new_id()}/confirm", "/v1/wallets", f"/v1/wallets/{new_id()}/top_ups")
    for path, (key, code) in product(paths, KEYS):
        body = {"currency": "EUR"} | ({"amount": 1} if "top_ups" in path else {})
        headers: dict[str, Any] = services.signer.operator() | ({} if key is None else {"Idempotency-Key": key})
        answer = await gateway.http.post(path, json=body, headers=headers)
        told = (answer.status_code, answer.json()["code"], answer.json()["parameter"])
        assert told == (400, code, "Idempotency-Key"), path


async def test_the_longest_key_is_taken(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    answer = await gateway.http.post(PATH, json=body, headers=headers | {"Idempotency-Key": "k" * 255})
    assert answer.status_code == 201


async def test_ten_megabytes_are_refused_before_they_are_read(gateway: Gateway, headers: dict[str, str]) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 65536

    async with served(gateway) as http:
        for content in (b" " * 10 * 2**20, unannounced()):
            started = time.monotonic()
            answer = await http.post(PATH, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
            assert time.monotonic() - started < 5
        exactly = await http.post(PATH, content=b" " * 65536, headers=headers)
        assert exactly.status_code == 400
        assert (await http.get("/healthz")).status_code == 200


async def test_a_body_that_never_comes_is_408(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, headers: dict[str, str]
) -> None:
    assert services.accounts == {}
    async with running(settings(body_seconds=0.3)) as gateway, served(gateway) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: 50\r\n\r\n{{".encode())
        status = await asyncio.wait_for(reader.readline(), 5)
        assert status.startswith(b"HTTP/1.1 408")
        writer.close()
