"""Wallets, their entries, top-ups and transfers: who may see and do what."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.wallet import FundAccount, GetTransfer, ListAccounts, ListEntries, OpenAccount
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused

KEY = {"Idempotency-Key": "key-1"}


def _account(command: OpenAccount) -> dict[str, Any]:
    return {"id": str(command.account_id), "owner": str(command.owner), "currency": command.currency, "balance": 0}


def _transfer(command: FundAccount) -> dict[str, Any]:
    return {"id": str(command.transfer_id), "amount": command.amount, "currency": command.currency}


async def test_opening_a_wallet(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.scripts[OpenAccount] = lambda c: [completed(_account(c))]
    headers = services.signer.bearer(user) | KEY
    answer = await gateway.http.post("/v1/wallets", json={"currency": "EUR"}, headers=headers)
    (command,) = services.commands(OpenAccount)
    assert (answer.status_code, answer.json()) == (201, _account(command.data))
    assert answer.headers["Location"] == f"/v1/wallets/{command.data.account_id}"
    assert (command.data.owner, command.data.currency) == (user, "EUR")


async def test_listing_ones_wallets(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    mine = services.accounts[services.wallet(user)]
    services.answers[ListAccounts] = lambda q: completed({"accounts": [mine] if q.owner == user else []})
    answer = await gateway.http.get("/v1/wallets", headers=services.signer.bearer(user))
    assert (answer.status_code, answer.json()) == (200, {"wallets": [mine]})


async def test_reading_a_balance(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    wallet = services.wallet(user, balance=8750)
    for headers in (services.signer.bearer(user), services.signer.operator()):
        answer = await gateway.http.get(f"/v1/wallets/{wallet}", headers=headers)
        assert (answer.status_code, answer.json()["balance"]) == (200, 8750)


@pytest.mark.parametrize("path", ["", "/entries"])
async def test_other_peoples_wallets_look_like_none(
    gateway: Gateway, services: ScriptedServices, user: UUID, path: str
) -> None:
    headers = services.signer.bearer(user)
    documents = []
    for wallet in (services.wallet(new_id()), services.wallet(None), new_id(), uuid4()):
        answer = await gateway.http.get(f"/v1/wallets/{wallet}{path}", headers=headers)
        assert answer.status_code == 404
        documents.append(answer.json() | {"correlation_id": ""})
    assert all(document == documents[0] for document in documents)
    assert documents[0]["code"] == "wallet_not_found"


async def test_paging_through_entries(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    wallet = services.wallet(user)
    services.answers[ListEntries] = lambda q: completed(
        {"entries": [{"sequence": 7}], "next_before": 7} if q.before is None else {"entries": []}
    )
    headers = services.signer.bearer(user)
    first = await gateway.http.get(f"/v1/wallets/{wallet}/entries?limit=1", headers=headers)
    assert first.json() == {"entries": [{"sequence": 7}], "next_before": 7}
    last = await gateway.http.get(f"/v1/wallets/{wallet}/entries?limit=1&before=7", headers=headers)
    assert last.json() == {"entries": [], "next_before": None}


async def test_an_operator_funds_any_wallet(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.scripts[FundAccount] = lambda c: [completed(_transfer(c))]
    wallet = services.wallet(user)
    body, headers = {"amount": 10_000, "currency": "EUR"}, services.signer.operator() | KEY
    answer = await gateway.http.post(f"/v1/wallets/{wallet}/top_ups", json=body, headers=headers)
    (command,) = services.commands(FundAccount)
    assert (answer.status_code, answer.json()) == (201, _transfer(command.data))
    assert answer.headers["Location"] == f"/v1/transfers/{command.data.transfer_id}"
    assert (command.data.account_id, command.data.amount) == (wallet, 10_000)


async def test_a_customer_funds_nothing(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    body, headers = {"amount": 1, "currency": "EUR"}, services.signer.bearer(user) | KEY
    answer = await gateway.http.post(f"/v1/wallets/{services.wallet(user)}/top_ups", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert 'scope="wallets:fund"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("code", ["currency_mismatch", "balance_overflow"])
async def test_why_a_wallet_may_not_be_funded(gateway: Gateway, services: ScriptedServices, code: str) -> None:
    services.scripts[FundAccount] = lambda _: [refused(code)]
    body, headers = {"amount": 1, "currency": "EUR"}, services.signer.operator() | KEY
    answer = await gateway.http.post(f"/v1/wallets/{services.wallet(new_id())}/top_ups", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("wallet", [new_id(), uuid4()])
async def test_funding_a_wallet_that_is_not_there(gateway: Gateway, services: ScriptedServices, wallet: UUID) -> None:
    body, headers = {"amount": 1, "currency": "EUR"}, services.signer.operator() | KEY
    answer = await gateway.http.post(f"/v1/wallets/{wallet}/top_ups", json=body, headers=headers)
    assert (answer.status_code, answer.json()["parameter"]) == (404, "wallet_id")


async def test_funding_in_another_currency(gateway: Gateway, services: ScriptedServices) -> None:
    body, headers = {"amount": 1, "currency": "USD"}, services.signer.operator() | KEY
    answer = await gateway.http.post(f"/v1/wallets/{services.wallet(new_id())}/top_ups", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "currency_mismatch")
    assert answer.json()["detail"].startswith("The account `wallet_id` holds ")


async def test_a_transfer_is_seen_by_both_ends_and_operators_only(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    payee = new_id()
    ends = {"debit_account": str(services.wallet(user)), "credit_account": str(services.wallet(payee))}
    services.answers[GetTransfer] = lambda q: completed({"id": str(q.id)} | ends)
    bearer, path = services.signer.bearer, f"/v1/transfers/{new_id()}"
    seen = [(bearer(user), 200), (bearer(payee), 200), (services.signer.operator(), 200), (bearer(new_id()), 404)]
    for headers, status in seen:
        assert (await gateway.http.get(path, headers=headers)).status_code == status


@pytest.mark.parametrize("code", ["transfer_not_found", "insufficient_funds"])
async def test_a_transfer_that_was_never_posted_is_not_found(
    gateway: Gateway, services: ScriptedServices, user: UUID, code: str
) -> None:
    services.answers[GetTransfer] = lambda _: refused(code)
    for transfer in (new_id(), uuid4()):
        answer = await gateway.http.get(f"/v1/transfers/{transfer}", headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (404, "transfer_not_found")
