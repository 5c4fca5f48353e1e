"""The OpenAPI document: every route with a real example and its problems; and the examples are what they say."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, TypeAdapter, ValidationError

from contracts.identity import AccessToken, User
from contracts.ids import new_id
from contracts.message import Message
from contracts.payments import PaymentIntent
from contracts.wallet import (
    Account,
    AccountPage,
    Capture,
    Entry,
    EntryPage,
    Hold,
    HoldPage,
    Journal,
    Transfer,
    TransferPage,
)
from gateway.app import create_app
from gateway.bodies import Body
from gateway.problems import KINDS
from gateway.routes import (
    accounts,
    holds,
    journals,
    payment_intents,
    sessions,
    top_ups,
    transfers,
    users,
    wallets,
)
from gateway.settings import GatewaySettings


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(GatewaySettings(nats_seed=SecretStr("SU"), redis_url=SecretStr("redis://127.0.0.1:1")))


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{m} {p}", o) for p, path in document["paths"].items() for m, o in path.items()]


def test_every_answer_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                assert content.get("example") or content.get("examples"), f"{name} {status}"


def test_problem_answers_are_problem_documents(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], name
                for code, example in answer["content"]["application/problem+json"]["examples"].items():
                    assert example["value"]["status"] == KINDS[code].status == int(status)


def test_commands_require_an_idempotency_key(document: dict[str, Any]) -> None:
    required = {
        name
        for name, operation in _operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["name"].lower() == "idempotency-key" and parameter["required"]
    }
    assert required == {
        "post /v1/wallets",
        "post /v1/wallets/{wallet_id}/top_ups",
        "post /v1/transfers",
        "post /v1/transfers/{transfer_id}/reversals",
        "post /v1/holds",
        "post /v1/holds/{hold_id}/captures",
        "post /v1/holds/{hold_id}/void",
        "post /v1/holds/{hold_id}/extensions",
        "post /v1/payment_intents",
        "post /v1/payment_intents/{payment_intent_id}/confirm",
        "post /v1/accounts",
        "patch /v1/accounts/{account_id}",
        "post /v1/accounts/{account_id}/freeze",
        "post /v1/accounts/{account_id}/close",
        "post /v1/journals",
    }


def _parameter(operation: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [p for p in operation.get("parameters", []) if p["name"] == name]
    shown: dict[str, Any] = found
    return shown


def test_headers_are_written_as_they_are_sent(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        if "idempotency-key" not in str(operation.get("parameters")).lower():
            continue
        key, prefer = _parameter(operation, "Idempotency-Key"), _parameter(operation, "Prefer")
        bounds = {"type": "string", "minLength": 1, "maxLength": 255}
        assert key["schema"].items() >= bounds.items(), name
        assert (key["required"], prefer["required"]) == (True, False), name
        assert prefer["schema"]["type"] == "string", name
    before = _parameter(document["paths"]["/v1/wallets/{wallet_id}/entries"]["get"], "before")
    assert (before["required"], before["schema"]["type"], before["schema"]["minimum"]) == (False, "integer", 1)


UNAVAILABLE = {
    "post /v1/users": "The identity service",
    "post /v1/sessions": "The identity service",
    "post /v1/wallets": "The wallet service",  # asked whose the wallet is that a currency is added to
    "get /v1/wallets": "The wallet service",
    "get /v1/wallets/{wallet_id}": "The wallet service",
    "get /v1/wallets/{wallet_id}/entries": "The wallet service",
    "post /v1/wallets/{wallet_id}/top_ups": "The wallet service",
    "get /v1/wallets/{wallet_id}/transfers": "The wallet service",
    "get /v1/wallets/{wallet_id}/holds": "The wallet service",
    "post /v1/transfers": "The wallet service",
    "get /v1/transfers/{transfer_id}": "The wallet service",
    "post /v1/transfers/{transfer_id}/reversals": "Access tokens",
    "post /v1/holds": "The wallet service",
    "get /v1/holds/{hold_id}": "The wallet service",
    "post /v1/holds/{hold_id}/captures": "The wallet service",  # asked between whom the hold is
    "post /v1/holds/{hold_id}/void": "The wallet service",
    "post /v1/holds/{hold_id}/extensions": "The wallet service",
    "post /v1/accounts": "Access tokens",
    "get /v1/accounts": "The wallet service",
    "get /v1/accounts/{account_id}": "The wallet service",
    "get /v1/accounts/{account_id}/entries": "The wallet service",
    "patch /v1/accounts/{account_id}": "The wallet service",
    "post /v1/accounts/{account_id}/freeze": "The wallet service",
    "post /v1/accounts/{account_id}/close": "The wallet service",
    "post /v1/journals": "Access tokens",
    "get /v1/journals/{journal_id}": "The wallet service",
    "post /v1/payment_intents": "The wallet service",  # asked whose the wallets are; payments itself: outcome_unknown
    "post /v1/payment_intents/{payment_intent_id}/confirm": "Access tokens",
    "get /v1/payment_intents/{payment_intent_id}": "The payments service",
}


def _problem(operation: dict[str, Any], status: str, code: str) -> dict[str, Any]:
    value: dict[str, Any] = operation["responses"][status]["content"]["application/problem+json"]["examples"][code][
        "value"
    ]
    return value


def test_the_service_that_does_not_answer_is_one_that_is_asked(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        if name in UNAVAILABLE:
            assert _problem(operation, "503", "unavailable")["detail"].startswith(UNAVAILABLE[name]), name
        else:
            assert name == "get /problems/{code}"
            assert not operation["responses"].keys() & {"422", "503"}


def test_the_missing_scope_is_the_one_that_is_needed(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        for required in operation.get("security", []):
            (scope,) = required["accessToken"]
            assert f"`{scope}`" in _problem(operation, "403", "insufficient_scope")["detail"], name


def test_a_wrong_id_is_one_of_the_path(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        if "_id}" in name and "requestBody" not in operation:
            problem = _problem(operation, "422", "invalid_request")
            assert f"{{{problem['parameter']}}}" in name
            assert problem["errors"][0]["location"] == f"path/{problem['parameter']}"


async def test_an_invalid_request_is_shown_as_it_is_answered(app: FastAPI, document: dict[str, Any]) -> None:
    """By the real answer where no token is needed, so that words of the framework that change are noticed."""
    sent = {"/v1/users": {"email": "ann@ledgerlink.example", "password": "short"},
            "/v1/sessions": {"email": "ann@ledgerlink.example"}}  # fmt: skip
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        for path, body in sent.items():
            answer = (await http.post(path, json=body)).json()
            shown = _problem(document["paths"][path]["post"], "422", "invalid_request")
            assert answer | {"correlation_id": ""} == shown | {"correlation_id": ""}


_ENDS = {"debit_account": str(new_id()), "credit_account": str(new_id())}
WRONG_BODIES: list[tuple[str, type[Body], dict[str, Any]]] = [
    ("/v1/wallets", wallets.NewWallet, {"currency": "eur"}),
    ("/v1/wallets/{wallet_id}/top_ups", top_ups.NewTopUp, {"amount": 0, "currency": "EUR"}),
    ("/v1/payment_intents", payment_intents.NewPaymentIntent,
     {"source_wallet": str(new_id()), "destination_wallet": str(new_id()), "amount": 0, "currency": "EUR"}),
    ("/v1/transfers", transfers.NewTransfer, _ENDS | {"amount": 0, "currency": "EUR"}),
    ("/v1/transfers/{transfer_id}/reversals", transfers.NewReversal, {"amount": 0}),
    ("/v1/holds", holds.NewHold, _ENDS | {"amount": 0, "currency": "EUR", "expires_in": 60}),
    ("/v1/holds/{hold_id}/captures", holds.NewCapture, {"amount": 0}),
    ("/v1/holds/{hold_id}/extensions", holds.NewExtension, {}),
    ("/v1/accounts", accounts.NewAccount, {"kind": "fees", "type": "income", "currency": "eur"}),
    ("/v1/accounts/{account_id}", accounts.AccountChange, {"external_id": "vault-1"}),
    ("/v1/accounts/{account_id}/freeze", accounts.Freeze, {"direction": "up", "reason": "Court order"}),
    ("/v1/accounts/{account_id}/close", accounts.Closure, {}),
    ("/v1/journals", journals.NewJournal, {"legs": []}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "model", "body"), WRONG_BODIES)
def test_a_wrong_body_is_one_of_the_route(
    document: dict[str, Any], path: str, model: type[Body], body: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    (error,) = caught.value.errors()
    (operation,) = [o for m, o in document["paths"][path].items() if m in {"post", "patch"}]
    shown = _problem(operation, "422", "invalid_request")
    assert shown["errors"] == [{"location": f"body/{error['loc'][0]}", "detail": error["msg"]}]


def test_a_wrong_id_is_shown_as_pydantic_says_it(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(UUID).validate_python("shop-42")
    operation = document["paths"]["/v1/transfers/{transfer_id}"]["get"]
    assert _problem(operation, "422", "invalid_request")["errors"][0]["detail"] == caught.value.errors()[0]["msg"]


def test_what_follows_has_a_location_and_its_id(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        if "202" in operation["responses"]:
            answer = operation["responses"]["202"]
            example = answer["content"]["application/json"]["example"]
            assert answer["headers"]["Location"]["example"].endswith(example["id"]), name


PAGES: list[tuple[str, type[Message]]] = [
    ("/v1/wallets/{wallet_id}/entries", EntryPage),
    ("/v1/wallets/{wallet_id}/transfers", TransferPage),
    ("/v1/wallets/{wallet_id}/holds", HoldPage),
    ("/v1/accounts", AccountPage),
    ("/v1/accounts/{account_id}/entries", EntryPage),
]


@pytest.mark.parametrize(("path", "page"), PAGES)
def test_a_page_shows_that_it_is_the_last(document: dict[str, Any], path: str, page: type[Message]) -> None:
    answer = document["paths"][path]["get"]["responses"]["200"]
    example = answer["content"]["application/json"]["example"]
    assert example.keys() == page.model_fields.keys()
    (last,) = [value for name, value in example.items() if name.startswith("next_")]
    assert last is None


def test_what_needs_a_token_says_which_scope(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["accessToken"]["scheme"] == "bearer"
    for name, operation in _operations(document):
        public = name in {"post /v1/users", "post /v1/sessions", "get /problems/{code}"}
        assert bool(operation.get("security")) is not public, name


EXAMPLES = [
    (User, users.EXAMPLE),
    (AccessToken, sessions.EXAMPLE),
    (Account, wallets.EXAMPLE),
    (Entry, wallets.ENTRY_EXAMPLE),
    (Transfer, transfers.EXAMPLE),
    (Transfer, transfers.REVERSAL_EXAMPLE),
    (Hold, holds.EXAMPLE),
    (Capture, holds.CAPTURE_EXAMPLE),
    (Account, accounts.EXAMPLE),
    (Journal, journals.EXAMPLE),
    (PaymentIntent, payment_intents.EXAMPLE),
]


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_examples_are_real(model: Any, example: dict[str, Any]) -> None:
    assert model.model_validate(example).model_dump(mode="json", exclude_none=True).keys() == example.keys()


BODIES: list[type[Body]] = [
    users.NewUser,
    sessions.NewSession,
    wallets.NewWallet,
    top_ups.NewTopUp,
    transfers.NewTransfer,
    transfers.NewReversal,
    holds.NewHold,
    holds.NewCapture,
    holds.NewExtension,
    accounts.NewAccount,
    accounts.AccountChange,
    accounts.Freeze,
    accounts.Closure,
    journals.NewJournal,
    payment_intents.NewPaymentIntent,
]


@pytest.mark.parametrize("body", BODIES)
def test_example_bodies_are_valid(body: type[Body]) -> None:
    properties = body.model_json_schema()["properties"]
    body.model_validate({name: shown["examples"][0] for name, shown in properties.items() if "examples" in shown})


@pytest.mark.parametrize(
    ("body", "example"),
    [
        (users.NewUser, users.EXAMPLE),
        (wallets.NewWallet, wallets.EXAMPLE),
        (top_ups.NewTopUp, transfers.EXAMPLE),
        (transfers.NewTransfer, transfers.EXAMPLE),
        (transfers.NewReversal, transfers.REVERSAL_EXAMPLE),
        (holds.NewHold, holds.EXAMPLE),
        (accounts.NewAccount, accounts.EXAMPLE),
        (journals.NewJournal, journals.EXAMPLE),
        (payment_intents.NewPaymentIntent, payment_intents.EXAMPLE),
    ],
)
def test_request_and_answer_tell_one_story(body: type[Body], example: dict[str, Any]) -> None:
    for name, shown in body.model_json_schema()["properties"].items():
        if name in example and "examples" in shown:
            assert shown["examples"] == [example[name]]


async def test_the_address_alone_leads_to_the_documentation(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        for method in ("GET", "HEAD"):
            start = await http.request(method, "/")
            assert (start.status_code, start.headers["Location"]) == (307, "/docs")
            assert (await http.request(method, "/docs")).status_code == 200


async def test_docs_and_document_are_served(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        assert (await http.get("/openapi.json")).json()["info"]["title"] == "LedgerLink"
        docs = await http.get("/docs")
        assert docs.status_code == 200
        assert "://" not in docs.text.replace("window.location", ""), "the page needs somebody else's server"
        for asset in re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', docs.text):
            assert (await http.get(asset)).status_code == 200
