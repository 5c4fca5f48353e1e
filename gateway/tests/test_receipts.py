"""Receipts: one's own side of a transfer, or the one that an operator names; the keys are for anybody."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.ids import new_id
from contracts.proof import Receipt, SealKey, verify
from contracts.wallet import GetReceipt, GetSealKeys, GetTransfer
from gateway.routes.receipts import EXAMPLE, KEY_EXAMPLE
from gateway.tests.conftest import Gateway
from gateway.tests.scripted_services import ScriptedServices, completed, refused


def test_the_example_is_a_valid_receipt() -> None:
    assert verify(Receipt.model_validate(EXAMPLE), [SealKey.model_validate(KEY_EXAMPLE)]).key_is_trusted


def _transfer(services: ScriptedServices, debit: UUID, credit: UUID) -> UUID:
    """Let a transfer exist, with a receipt."""
    identifier = new_id()
    ends = {"debit_account": str(debit), "credit_account": str(credit)}
    services.answers[GetTransfer] = lambda q: (
        completed({"id": str(identifier)} | ends) if q.id == identifier else refused("transfer_not_found")
    )
    services.answers[GetReceipt] = lambda _: completed(EXAMPLE)
    return identifier


def _asked(services: ScriptedServices) -> list[UUID]:
    return [envelope.data.account_id for envelope in services.commands(GetReceipt)]


async def _get(gateway: Gateway, transfer: UUID, headers: dict[str, str], **query: str) -> Any:
    return await gateway.http.get(f"/v1/transfers/{transfer}/receipt", headers=headers, params=query)


async def test_both_ends_of_a_transfer_get_the_receipt_of_their_own_side(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    other = new_id()
    mine, theirs = services.wallet(user), services.wallet(other)
    transfer = _transfer(services, mine, theirs)
    for owner, account in ((user, mine), (other, theirs)):
        answer = await _get(gateway, transfer, services.signer.bearer(owner))
        assert (answer.status_code, answer.json()) == (200, EXAMPLE)
        assert _asked(services)[-1] == account
    refusal = await _get(gateway, transfer, services.signer.bearer(user), account_id=str(theirs))
    assert (refusal.status_code, refusal.json()["code"]) == (404, "transfer_not_found")


async def test_who_owns_both_ends_may_choose(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    mine, savings = services.wallet(user), services.wallet(user)
    transfer = _transfer(services, mine, savings)
    await _get(gateway, transfer, services.signer.bearer(user))
    await _get(gateway, transfer, services.signer.bearer(user), account_id=str(savings))
    assert _asked(services) == [mine, savings]


async def test_others_do_not_learn_that_there_is_a_transfer(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    transfer = _transfer(services, services.wallet(new_id()), services.wallet(None))
    documents = []
    for asked in (transfer, new_id(), uuid4()):
        answer = await _get(gateway, asked, services.signer.bearer(user))
        assert answer.status_code == 404
        documents.append(answer.json() | {"correlation_id": ""})
    assert documents[0] == documents[1] == documents[2]
    assert _asked(services) == []


async def test_an_operator_names_the_account(gateway: Gateway, services: ScriptedServices) -> None:
    debit, credit = services.wallet(new_id()), services.wallet(None)
    transfer = _transfer(services, debit, credit)
    operator = services.signer.operator()
    unnamed = await _get(gateway, transfer, operator)
    assert (unnamed.status_code, unnamed.json()["errors"][0]["location"]) == (422, "query/account_id")
    assert (await _get(gateway, transfer, operator, account_id=str(credit))).status_code == 200
    assert (await _get(gateway, transfer, operator, account_id=str(new_id()))).status_code == 404
    assert _asked(services) == [credit]


@pytest.mark.parametrize("code", ["not_sealed_yet", "unavailable"])
async def test_what_is_not_sealed_yet_is_asked_for_again(
    gateway: Gateway, services: ScriptedServices, user: UUID, code: str
) -> None:
    transfer = _transfer(services, services.wallet(user), services.wallet(None))
    services.answers[GetReceipt] = lambda _: refused(code)
    answer = await _get(gateway, transfer, services.signer.bearer(user))
    assert (answer.status_code, answer.json()["code"]) == ({"not_sealed_yet": 409, "unavailable": 503}[code], code)
    assert answer.headers["Retry-After"] == "1"


async def test_the_keys_are_for_anybody(gateway: Gateway, services: ScriptedServices) -> None:
    services.answers[GetSealKeys] = lambda _: completed({"keys": [KEY_EXAMPLE]})
    answer = await gateway.http.get("/v1/ledger/keys")
    assert (answer.status_code, answer.json()) == (200, {"keys": [KEY_EXAMPLE]})
