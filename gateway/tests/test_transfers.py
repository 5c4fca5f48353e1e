"""Transfers and their reversals: customers between their own wallets, operators between any accounts."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.ids import new_id
from contracts.wallet import ListTransfers, PostTransfer, ReverseTransfer
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

KEY = {"Idempotency-Key": "key-1"}


def _posted(command: PostTransfer) -> dict[str, Any]:
    return {"id": str(command.transfer_id), "amount": command.amount, "currency": command.currency}


def _order(debit: UUID, credit: UUID, **other: Any) -> dict[str, Any]:
    return {"debit_account": str(debit), "credit_account": str(credit), "amount": 700, "currency": "EUR"} | other


async def _move(gateway: Gateway, body: dict[str, Any], headers: dict[str, str], **more: str) -> httpx.Response:
    return await gateway.http.post("/v1/transfers", json=body, headers=headers | KEY | more)


async def test_a_customer_moves_money_between_own_wallets(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    services.scripts[PostTransfer] = lambda c: [completed(_posted(c))]
    mine, savings = services.wallet(user), services.wallet(user)
    body = _order(mine, savings, metadata={"goal": "boat"})
    answer = await _move(gateway, body, services.signer.bearer(user))
    (command,) = services.commands(PostTransfer)
    assert (answer.status_code, answer.json()) == (201, _posted(command.data))
    assert answer.headers["Location"] == f"/v1/transfers/{command.data.transfer_id}"
    sent = command.data.model_dump(exclude={"transfer_id", "idempotency"}, exclude_none=True)
    ends = {"debit_account": mine, "credit_account": savings}
    assert sent == body | ends | {"authorised_by": user}
    assert command.data.idempotency.scope == f"{user}:post_transfer"


async def test_somebody_else_is_paid_by_payment_intent(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    documents = []
    for credit in (services.wallet(new_id()), services.wallet(None), new_id(), uuid4()):
        answer = await _move(gateway, _order(services.wallet(user), credit), services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (404, "wallet_not_found")
        documents.append(answer.json() | {"correlation_id": ""})
    assert all(document == documents[0] for document in documents)
    assert documents[0]["parameter"] == "credit_account"
    assert "POST /v1/payment_intents" in documents[0]["detail"]
    assert services.commands(PostTransfer) == []


async def test_money_of_others_stays_where_it_is(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    for debit in (services.wallet(new_id()), services.wallet(None), new_id()):
        answer = await _move(gateway, _order(debit, services.wallet(user)), services.signer.bearer(user))
        assert (answer.status_code, answer.json()["parameter"]) == (404, "debit_account")
    assert services.commands(PostTransfer) == []


async def test_a_transfer_needs_two_accounts_of_its_currency(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    mine, dollars = services.wallet(user), services.wallet(user, "USD")
    for body, code in ((_order(mine, mine), "same_account"), (_order(mine, dollars), "currency_mismatch")):
        answer = await _move(gateway, body, services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_only_operators_date_transfers_back(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    body = _order(services.wallet(user), services.wallet(user), effective_at="2026-01-05T09:30:00Z")
    answer = await _move(gateway, body, services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert answer.json()["detail"].startswith("`effective_at` needs")
    assert 'scope="wallets:fund"' in answer.headers["WWW-Authenticate"]


async def test_an_operator_moves_money_between_any_accounts(gateway: Gateway, services: ScriptedServices) -> None:
    services.scripts[PostTransfer] = lambda c: [completed(_posted(c))]
    body = _order(services.wallet(new_id()), services.wallet(None), effective_at="2026-01-05T10:30:00+01:00")
    answer = await _move(gateway, body, services.signer.operator())
    assert answer.status_code == 201, answer.text
    (command,) = services.commands(PostTransfer)
    assert command.data.authorised_by is None
    assert command.data.effective_at.isoformat() == "2026-01-05T09:30:00+00:00"
    await _move(gateway, body | {"effective_at": "2026-01-05T09:30:00Z"}, services.signer.operator())
    first, again = (envelope.data.idempotency for envelope in services.commands(PostTransfer))
    assert first.fingerprint == again.fingerprint


@pytest.mark.parametrize("parameter", ["debit_account", "credit_account"])
async def test_an_operator_is_told_which_account_is_not_there(
    gateway: Gateway, services: ScriptedServices, parameter: str
) -> None:
    body = _order(services.wallet(None), services.wallet(None)) | {parameter: str(new_id())}
    answer = await _move(gateway, body, services.signer.operator())
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
    assert answer.json()["parameter"] == parameter


REFUSALS = [
    ("insufficient_funds", 402),
    ("insufficient_funds_then", 402),
    ("debit_account_frozen", 409),
    ("credit_account_closed", 409),
    ("period_closed", 409),
    ("effective_in_future", 422),
    ("ceiling_exceeded", 422),
    ("idempotency_key_reused", 422),
]


@pytest.mark.parametrize(("code", "status"), REFUSALS)
async def test_what_the_ledger_refuses_is_a_problem(
    gateway: Gateway, services: ScriptedServices, user: UUID, code: str, status: int
) -> None:
    services.scripts[PostTransfer] = lambda _: [refused(code)]
    body = _order(services.wallet(user), services.wallet(user))
    answer = await _move(gateway, body, services.signer.bearer(user), Prefer="wait=1")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["title"] != "The request was refused"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("effective_at", 1767605400),
        ("effective_at", "1767605400"),
        ("effective_at", "2026-01-05"),
        ("effective_at", "2026-01-05T09:30:00"),
        ("effective_at", "1969-12-31T23:59:59Z"),
        ("effective_at", "0001-01-01T00:00:00+14:00"),
        ("effective_at", "9999-12-31T23:59:59-14:00"),
        ("metadata", {"": "empty"}),
        ("metadata", {"key": "a\0b"}),
        ("metadata", {"k\0y": "value"}),
        ("metadata", {"key": 5}),
        ("metadata", {"key": "x" * 501}),
        ("metadata", {f"key {n}": "" for n in range(21)}),
        ("amount", 10**12 + 1),
    ],
)
async def test_what_a_transfer_cannot_be(
    gateway: Gateway, services: ScriptedServices, user: UUID, name: str, value: Any
) -> None:
    body = _order(services.wallet(user), services.wallet(user)) | {name: value}
    answer = await _move(gateway, body, services.signer.operator())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert name in answer.json()["errors"][0]["location"]


async def test_paging_through_transfers(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    wallet = services.wallet(user)
    services.answers[ListTransfers] = lambda q: completed(
        {"transfers": [{"sequence": 7}], "next_before": 7} if q.before is None else {"transfers": []}
    )
    headers = services.signer.bearer(user)
    first = await gateway.http.get(f"/v1/wallets/{wallet}/transfers?limit=1", headers=headers)
    assert first.json() == {"transfers": [{"sequence": 7}], "next_before": 7}
    last = await gateway.http.get(f"/v1/wallets/{wallet}/transfers?limit=1&before=7", headers=headers)
    assert last.json() == {"transfers": [], "next_before": None}


@pytest.mark.parametrize("body", [None, {"amount": 250, "metadata": {"ticket": "1234"}}])
async def test_an_operator_reverses_a_transfer(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any] | None
) -> None:
    services.scripts[ReverseTransfer] = lambda c: [completed({"id": str(c.transfer_id), "reverses": str(c.reverses)})]
    original = new_id()
    headers = services.signer.operator() | KEY
    answer = await gateway.http.post(f"/v1/transfers/{original}/reversals", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    (command,) = services.commands(ReverseTransfer)
    assert (command.data.reverses, command.data.amount) == (original, body["amount"] if body else None)
    assert command.data.metadata == (body["metadata"] if body else None)
    assert answer.headers["Location"] == f"/v1/transfers/{command.data.transfer_id}"


@pytest.mark.parametrize(
    ("code", "status"), [("transfer_not_found", 404), ("already_reversed", 409), ("exceeds_original", 422)]
)
async def test_what_cannot_be_reversed(gateway: Gateway, services: ScriptedServices, code: str, status: int) -> None:
    services.scripts[ReverseTransfer] = lambda _: [refused(code)]
    headers = services.signer.operator() | KEY
    answer = await gateway.http.post(f"/v1/transfers/{new_id()}/reversals", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_customer_reverses_nothing(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    headers = services.signer.bearer(user) | KEY
    answer = await gateway.http.post(f"/v1/transfers/{new_id()}/reversals", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
