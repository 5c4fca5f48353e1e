"""The OpenAPI document: every route with a real example and its problems; and the examples are what they say."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from contracts.identity import AccessToken, User
from contracts.payments import PaymentIntent
from contracts.wallet import Account, Entry, Transfer
from gateway.app import create_app
from gateway.bodies import Body
from gateway.problems import KINDS
from gateway.routes import payment_intents, sessions, top_ups, transfers, users, wallets
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
        "post /v1/payment_intents",
        "post /v1/payment_intents/{payment_intent_id}/confirm",
    }


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
    payment_intents.NewPaymentIntent,
]


@pytest.mark.parametrize("body", BODIES)
def test_example_bodies_are_valid(body: type[Body]) -> None:
    properties = body.model_json_schema()["properties"]
    body.model_validate({name: shown["examples"][0] for name, shown in properties.items() if "examples" in shown})


async def test_docs_and_document_are_served(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        assert (await http.get("/openapi.json")).json()["info"]["title"] == "LedgerLink"
        docs = await http.get("/docs")
        assert docs.status_code == 200
        assert "://" not in docs.text.replace("window.location", ""), "the page needs somebody else's server"
        for asset in re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', docs.text):
            assert (await http.get(asset)).status_code == 200
