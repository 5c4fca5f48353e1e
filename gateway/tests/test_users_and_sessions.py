"""Registering and logging in: secrets go to identity and nowhere else."""

import json
from typing import Any

import pytest

from contracts.identity import Login, Register
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused
from tests.servers import NatsServer

PASSWORD = "correct horse battery staple"
PERSON = {"email": "ann@ledgerlink.example", "password": PASSWORD}


async def test_register_and_log_in(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[Register] = lambda q: completed({"id": "u", "email": q.email})
    services.answers[Login] = lambda _: completed({"access_token": "t", "token_type": "Bearer"})
    registered = await gateway.http.post("/v1/users", json=PERSON)
    assert (registered.status_code, registered.json()) == (201, {"id": "u", "email": "ann@ledgerlink.example"})
    session = await gateway.http.post("/v1/sessions", json=PERSON)
    assert (session.status_code, session.json()["access_token"]) == (201, "t")
    assert session.headers["Cache-Control"] == "no-store"
    heard = [e.data for e in services.heard if isinstance(e.data, Register | Login)]
    assert [request.password.get_secret_value() for request in heard] == [PASSWORD, PASSWORD]


REFUSALS = [("/v1/users", Register, "email_taken", 409), ("/v1/sessions", Login, "invalid_credentials", 401)]


@pytest.mark.parametrize(("path", "query", "code", "status"), REFUSALS)
async def test_refusals(
    gateway: Gateway, services: ScriptedServices, path: str, query: Any, code: str, status: int
) -> None:
    services.answers[query] = lambda _: refused(code)
    answer = await gateway.http.post(path, json=PERSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


WRONG = [
    ("email", "ann", "email"),
    ("email", "a\0nn@ledgerlink.example", "email"),
    ("email", "a\ud800nn@ledgerlink.example", "email"),
    ("password", "x" * 11, "password"),
    ("password", "x" * 129, "password"),
    ("password", "\ud800 horse battery staple", "password"),
    ("password", 123456789012, "password"),
    ("role", "operator", "role"),
]


@pytest.mark.parametrize(("field", "value", "parameter"), WRONG)
async def test_what_cannot_be_registered(gateway: Gateway, field: str, value: Any, parameter: str) -> None:
    body = json.dumps(PERSON | {field: value})
    answer = await gateway.http.post("/v1/users", content=body, headers={"Content-Type": "application/json"})
    document = answer.json()
    assert (answer.status_code, document["code"], document["parameter"]) == (422, "invalid_request", parameter)
    assert str(value) not in answer.text.replace("operator_", "")


TOLD = [
    ("password", "x" * 11, "body/password: should have at least 12 characters, not 11."),
    ("password", "x" * 129, "body/password: should have at most 128 characters, not 129."),
    ("email", "a@b@ledgerlink.example", "body/email: value is not a valid email address: "),
]


@pytest.mark.parametrize(("field", "value", "told"), TOLD)
async def test_what_is_wrong_is_told_in_words(gateway: Gateway, field: str, value: str, told: str) -> None:
    detail = (await gateway.http.post("/v1/users", json=PERSON | {field: value})).json()["detail"]
    assert detail.startswith(told)
    assert not detail.endswith("..")


async def test_a_bad_token_does_not_keep_anybody_from_logging_in(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[Login] = lambda _: completed({"access_token": "t"})
    answer = await gateway.http.post("/v1/sessions", json=PERSON, headers={"Authorization": "Bearer stale"})
    assert answer.status_code == 201


async def test_no_stream_holds_a_secret(gateway: Gateway, services: ScriptedServices, nats_server: NatsServer) -> None:
    services.answers[Register] = lambda _: completed({})
    await gateway.http.post("/v1/users", json=PERSON)
    provisioner = await nats_server.connect("provisioner")
    assert sum(info.state.messages for info in await provisioner.jetstream().streams_info()) == 0
    await provisioner.close()
