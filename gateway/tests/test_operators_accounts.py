"""The chart of accounts and journals: for operators only."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.ids import new_id
from contracts.message import Message, Reply
from contracts.wallet import (
    ChangeAccount,
    CloseAccount,
    FreezeAccount,
    FundAccount,
    ListChart,
    ListEntries,
    OpenAccount,
    OpenSystemAccount,
    PostJournal,
)
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import Script, ScriptedServices, completed, refused

KEY = {"Idempotency-Key": "key-1"}
CLEARING = {"kind": "clearing", "type": "asset", "currency": "EUR", "processor": "acme", "external_id": "acme-1"}
CHANGE = {"limits": {"floor": -500, "ceiling": None}, "reason": "Overdraft"}
FREEZE = {"direction": "in", "reason": "Court order"}
CLOSURE = {"reason": "Customer left"}


def _legs(debit: UUID, credit: UUID) -> list[dict[str, Any]]:
    ends = {"debit_account": str(debit), "credit_account": str(credit)}
    sides = {"sold": 10_000, "sold_currency": "EUR", "bought": 10_853, "bought_currency": "USD"}
    return [
        {"kind": "transfer", **ends, "amount": 50, "currency": "EUR"},
        {"kind": "exchange", **ends, **sides, "rate": "1.0853"},
    ]


def _saying(*replies: Reply) -> Script:
    return lambda _: replies


def _answering(reply: Reply) -> Callable[[Any], Reply]:
    return lambda _: reply


async def _ask(
    gateway: Gateway, method: str, path: str, headers: dict[str, str], body: Any = None, **more: str
) -> httpx.Response:
    return await gateway.http.request(method, path, json=body, headers=headers | KEY | more)


ROUTES = [
    ("POST", "/v1/accounts", CLEARING),
    ("GET", "/v1/accounts", None),
    ("GET", "/v1/accounts/{id}", None),
    ("GET", "/v1/accounts/{id}/entries", None),
    ("PATCH", "/v1/accounts/{id}", CHANGE),
    ("POST", "/v1/accounts/{id}/freeze", FREEZE),
    ("POST", "/v1/accounts/{id}/close", CLOSURE),
    ("POST", "/v1/journals", {"legs": _legs(new_id(), new_id())}),
    ("GET", "/v1/journals/{id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_customers_do_not_keep_the_ledger(
    gateway: Gateway, services: ScriptedServices, user: UUID, method: str, path: str, body: Any
) -> None:
    path = path.format(id=services.wallet(user))
    answer = await _ask(gateway, method, path, services.signer.bearer(user), body)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(("method", "path", "body"), [route for route in ROUTES if "accounts/{id}" in route[1]])
@pytest.mark.parametrize("account", [new_id(), uuid4()])
async def test_an_account_that_is_not_there(
    gateway: Gateway, services: ScriptedServices, method: str, path: str, body: Any, account: UUID
) -> None:
    answer = await _ask(gateway, method, path.format(id=account), services.signer.operator(), body)
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
    assert answer.json()["parameter"] == "account_id"


async def test_opening_a_system_account(gateway: Gateway, services: ScriptedServices) -> None:
    services.scripts[OpenSystemAccount] = lambda c: [completed({"id": str(c.account_id)})]
    answer = await _ask(gateway, "POST", "/v1/accounts", services.signer.operator(), CLEARING | {"floor": -(10**9)})
    (command,) = services.commands(OpenSystemAccount)
    assert (answer.status_code, answer.json()) == (201, {"id": str(command.data.account_id)})
    assert answer.headers["Location"] == f"/v1/accounts/{command.data.account_id}"
    sent = command.data.model_dump(mode="json", exclude={"account_id", "idempotency"}, exclude_none=True)
    assert sent == CLEARING | {"floor": -(10**9), "metadata": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "wallet"},
        {"kind": "fees"},  # with a processor
        {"type": "money"},
        {"processor": "Acme Inc."},
        {"external_id": ""},
        {"external_id": "a\0b"},
        {"floor": 10**18 + 1},
        {"ceiling": 1.5},
        {"owner": str(new_id())},
    ],
)
async def test_what_a_system_account_cannot_be(
    gateway: Gateway, services: ScriptedServices, change: dict[str, Any]
) -> None:
    answer = await _ask(gateway, "POST", "/v1/accounts", services.signer.operator(), CLEARING | change)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text


async def test_paging_through_the_chart(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[ListChart] = lambda q: completed(
        {"accounts": [{"kind": q.kind, "currency": q.currency}]} | ({} if q.cursor else {"next_cursor": "bmV4dA=="})
    )
    path, headers = "/v1/accounts?kind=fees&currency=EUR", services.signer.operator()
    first = await gateway.http.get(path, headers=headers)
    assert first.json() == {"accounts": [{"kind": "fees", "currency": "EUR"}], "next_cursor": "bmV4dA=="}
    last = await gateway.http.get(path, headers=headers, params={"cursor": "bmV4dA==", "kind": "fees"})
    assert last.json()["next_cursor"] is None
    for wrong in ("kind=none", "currency=eur", "limit=101", "cursor=%00", "external_id=%00"):
        answer = await gateway.http.get(f"/v1/accounts?{wrong}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), wrong


async def test_reading_any_account_and_its_entries(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[ListEntries] = lambda q: completed({"entries": [{"account_id": str(q.account_id)}]})
    for account in (services.wallet(None), services.wallet(new_id())):
        path, headers = f"/v1/accounts/{account}", services.signer.operator()
        assert (await gateway.http.get(path, headers=headers)).json()["id"] == str(account)
        entries = (await gateway.http.get(f"{path}/entries", headers=headers)).json()
        assert entries == {"entries": [{"account_id": str(account)}], "next_before": None}


CHANGES: list[tuple[str, str, dict[str, Any], type[Message]]] = [
    ("PATCH", "", CHANGE, ChangeAccount),
    ("POST", "/freeze", FREEZE, FreezeAccount),
    ("POST", "/close", CLOSURE, CloseAccount),
]


@pytest.mark.parametrize(("method", "path", "body", "kind"), CHANGES)
async def test_changing_an_account_says_who_and_why(
    gateway: Gateway,
    services: ScriptedServices,
    user: UUID,
    method: str,
    path: str,
    body: dict[str, Any],
    kind: type[Message],
) -> None:
    services.scripts[kind] = lambda c: [completed({"id": str(c.account_id)})]
    account = services.wallet(new_id())
    headers = services.signer.bearer(user, role="operator", scope="wallets wallets:fund")
    answer = await _ask(gateway, method, f"/v1/accounts/{account}{path}", headers, body)
    assert (answer.status_code, answer.json()) == (200, {"id": str(account)})
    (command,) = services.commands(kind)
    sent = command.data.model_dump(mode="json", exclude={"idempotency", "metadata", "external_id"})
    assert sent == body | {"account_id": str(account), "changed_by": str(user)}


@pytest.mark.parametrize(("method", "path", "body", "kind"), CHANGES)
async def test_what_cannot_be_changed(
    gateway: Gateway, services: ScriptedServices, method: str, path: str, body: dict[str, Any], kind: type[Message]
) -> None:
    account = services.wallet(None)
    refusals = {"account_closed": 409, "account_not_empty": 409, "limit_broken": 422, "external_id_taken": 409}
    for code, status in refusals.items():
        services.scripts[kind] = _saying(refused(code))
        answer = await _ask(gateway, method, f"/v1/accounts/{account}{path}", services.signer.operator(), body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_change_of_nothing_and_one_without_a_reason(gateway: Gateway, services: ScriptedServices) -> None:
    path = f"/v1/accounts/{services.wallet(None)}"
    one_limit = CHANGE | {"limits": {"floor": 0}}
    for body in ({"reason": "None"}, {"external_id": "vault-1"}, CHANGE | {"reason": ""}, one_limit):
        answer = await _ask(gateway, "PATCH", path, services.signer.operator(), body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_posting_a_journal(gateway: Gateway, services: ScriptedServices) -> None:
    services.scripts[PostJournal] = lambda c: [completed({"id": str(c.journal_id)})]
    legs = _legs(services.wallet(new_id()), services.wallet(None))
    body = {"legs": legs, "effective_at": "2026-01-05T09:30:00Z", "metadata": {"order": "4711"}}
    answer = await _ask(gateway, "POST", "/v1/journals", services.signer.operator(), body)
    (command,) = services.commands(PostJournal)
    assert (answer.status_code, answer.json()) == (201, {"id": str(command.data.journal_id)})
    assert answer.headers["Location"] == f"/v1/journals/{command.data.journal_id}"
    assert command.data.authorised_by is None
    sent = command.data.model_dump(mode="json", include={"legs", "effective_at", "metadata"})
    ids = [leg.pop(name) for leg in sent["legs"] for name in list(leg) if name.endswith("transfer_id")]
    assert sent == body
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("leg", "change"),
    [
        (0, {"kind": "gift"}),
        (0, {"kind": None}),
        (0, {"amount": 0}),
        (0, {"rate": "1.0"}),
        (1, {"rate": 1.0853}),
        (1, {"rate": "0.00"}),
        (1, {"rate": "-1"}),
        (1, {"rate": "1e3"}),
        (1, {"rate": "NaN"}),
        (1, {"rate": "1.0000000000001"}),
        (1, {"sold": 10**12 + 1}),
    ],
)
async def test_what_a_leg_cannot_be(
    gateway: Gateway, services: ScriptedServices, leg: int, change: dict[str, Any]
) -> None:
    legs = _legs(new_id(), new_id())
    legs[leg] |= change
    answer = await _ask(gateway, "POST", "/v1/journals", services.signer.operator(), {"legs": legs})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert f"body/legs/{leg}" in answer.json()["errors"][0]["location"]


async def test_an_account_of_a_leg_that_cannot_be_one_is_named(gateway: Gateway, services: ScriptedServices) -> None:
    legs = _legs(new_id(), new_id())
    legs[1]["credit_account"] = str(uuid4())
    answer = await _ask(gateway, "POST", "/v1/journals", services.signer.operator(), {"legs": legs})
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
    assert answer.json()["parameter"] == "legs/1/credit_account"


async def test_a_journal_has_at_most_a_hundred_legs(gateway: Gateway, services: ScriptedServices) -> None:
    legs = _legs(new_id(), new_id())[:1] * 101
    answer = await _ask(gateway, "POST", "/v1/journals", services.signer.operator(), {"legs": legs})
    assert (answer.status_code, answer.json()["parameter"]) == (422, "legs")


async def test_adding_a_currency_to_a_wallet(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.scripts[OpenAccount] = lambda c: [completed({"id": str(c.account_id)})]
    first, dollars = services.wallet(user), services.wallet(user, "USD")
    services.accounts[dollars]["wallet"] = str(first)
    for wallet in (first, dollars):  # any id of the wallet names it
        body = {"currency": "JPY", "wallet": str(wallet)}
        answer = await _ask(gateway, "POST", "/v1/wallets", services.signer.bearer(user), body)
        assert answer.status_code == 201, answer.text
    assert [c.data.wallet for c in services.commands(OpenAccount)] == [first, first]
    for other in (services.wallet(new_id()), services.wallet(None), new_id()):
        body = {"currency": "JPY", "wallet": str(other)}
        answer = await _ask(gateway, "POST", "/v1/wallets", services.signer.bearer(user), body)
        assert (answer.status_code, answer.json()["parameter"]) == (404, "wallet")


async def test_funding_through_a_processor(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    services.scripts[FundAccount] = lambda c: [completed({"id": str(c.transfer_id)})]
    body = {"amount": 100, "currency": "EUR", "processor": "acme"}
    path = f"/v1/wallets/{services.wallet(user)}/top_ups"
    assert (await _ask(gateway, "POST", path, services.signer.operator(), body)).status_code == 201
    assert services.commands(FundAccount)[0].data.processor == "acme"
