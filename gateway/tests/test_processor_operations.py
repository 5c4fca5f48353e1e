"""Operators see which operations nobody knows the outcome of, and settle them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.message import Message, Reply
from contracts.payments import GetProcessorOperation, ListProcessorOperations, SettleOperation
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

OPERATION = new_id()
LIST = "/v1/processor_operations"
PATH = f"{LIST}/{OPERATION}"
BODY = {"outcome": "succeeded", "reference": "ch_1", "note": "Found in the dashboard"}


@pytest.fixture
def operator(services: ScriptedServices) -> dict[str, str]:
    return services.signer.operator() | {"Idempotency-Key": "key-1"}


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ("", {"status": "attention", "before": None, "limit": 20}),
        (f"?status=unknown&limit=5&before={OPERATION}", {"status": "unknown", "before": str(OPERATION), "limit": 5}),
    ],
)
async def test_what_is_in_doubt_is_listed(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], parameters: str, asked: dict[str, Any]
) -> None:
    heard: list[Message] = []

    def answer(query: Message) -> Reply:
        heard.append(query)
        return completed({"operations": []})

    services.answers[ListProcessorOperations] = answer
    listed = await gateway.http.get(LIST + parameters, headers=operator)
    assert (listed.status_code, listed.json()) == (200, {"operations": [], "next_before": None})
    assert [query.model_dump(mode="json") for query in heard] == [asked]


async def test_one_is_read(gateway: Gateway, services: ScriptedServices, operator: dict[str, str]) -> None:
    services.answers[GetProcessorOperation] = lambda q: completed({"id": str(q.id)})
    assert (await gateway.http.get(PATH, headers=operator)).json() == {"id": str(OPERATION)}
    services.answers[GetProcessorOperation] = lambda _: refused("processor_operation_not_found")
    for path in (PATH, f"{LIST}/{uuid4()}"):
        answer = await gateway.http.get(path, headers=operator)
        assert (answer.status_code, answer.json()["code"]) == (404, "processor_operation_not_found")


async def test_one_is_settled_in_the_operators_name(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str]
) -> None:
    services.scripts[SettleOperation] = lambda c: [completed({"id": str(c.operation_id), "status": "succeeded"})]
    answer = await gateway.http.post(f"{PATH}/settlement", json=BODY, headers=operator)
    assert (answer.status_code, answer.json()) == (200, {"id": str(OPERATION), "status": "succeeded"})
    (command,) = services.commands(SettleOperation)
    told = command.data.model_dump(mode="json", exclude={"idempotency", "settled_by"})
    assert told == BODY | {"operation_id": str(OPERATION)}
    assert command.data.idempotency.scope == f"{command.data.settled_by}:settle_operation"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("processor_operation_not_found", 404),
        ("processor_operation_not_in_doubt", 409),
        ("processor_operation_in_hand", 409),
        ("settlement_not_possible", 422),
        ("reference_required", 422),
        ("reference_not_possible", 422),
    ],
)
async def test_refusals(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], code: str, status: int
) -> None:
    services.scripts[SettleOperation] = lambda _: [refused(code)]
    answer = await gateway.http.post(f"{PATH}/settlement", json=BODY, headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "unknown"},
        {"note": ""},
        {"note": "x" * 501},
        {"note": "a\x00b"},
        {"note": None},
        {"reference": ""},
        {"reference": "two words"},
        {"reference": "x" * 256},
        {"amount": 5},
    ],
)
async def test_a_settlement_that_is_none(
    gateway: Gateway, services: ScriptedServices, operator: dict[str, str], change: dict[str, Any]
) -> None:
    answer = await gateway.http.post(f"{PATH}/settlement", json=BODY | change, headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert services.commands(SettleOperation) == []


async def test_others_neither_see_nor_settle(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    headers = services.signer.bearer(user) | {"Idempotency-Key": "key-1"}
    for method, path in (("GET", LIST), ("GET", PATH), ("POST", f"{PATH}/settlement")):
        answer = await gateway.http.request(method, path, json=BODY if method == "POST" else None, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
