"""The system's own accounts, named in commands by what they are for: opened when needed, and nobody's to debit."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from apps.wallet.audit import audit
from apps.wallet.tests.balanced_books import broken_rules
from apps.wallet.tests.bank import Bank, capturing, code, journal, leg, placing, transfer, voiding
from contracts.ids import new_id
from contracts.message import Envelope, decode, envelope_of
from contracts.wallet import PlaceHold, PostTransfer, SystemAccountName, TransferLeg
from outbox.database import Database

SANDBOX = SystemAccountName.model_validate({"kind": "clearing", "processor": "sandbox"})
FEES, SUSPENSE, CLEARING = (SystemAccountName.model_validate({"kind": k}) for k in ("fees", "suspense", "clearing"))
OPENED, PLACED = "wallet.events.account.opened", "wallet.events.hold.placed"
LATER = datetime.now(UTC) + timedelta(hours=1)
_SYSTEM = """
SELECT concat_ws(' ', kind, processor, currency) AS name, id, balance FROM account WHERE owner IS NULL
"""


async def _system(bank: Bank) -> dict[str, int]:
    """Return the balances of the system's accounts, but for the one that wallets were funded from."""
    rows = await bank.database.pool.fetch(_SYSTEM)
    return {row["name"]: row["balance"] for row in rows if not row["name"].startswith("clearing EUR")}


async def _sound(database: Database) -> bool:
    async with database.lent() as connection:
        return await broken_rules(connection) == [] and (await audit(connection)).findings == ()


def _for_sandbox(source: UUID, amount: int) -> Envelope[PlaceHold]:
    return placing(source, SANDBOX, amount, LATER)


async def test_a_hold_opens_the_account_that_it_is_for_and_says_so_once(bank: Bank, database: Database) -> None:
    wallet = await bank.wallet(balance=1000)
    await bank.said()
    first, second = _for_sandbox(wallet, 100), _for_sandbox(wallet, 50)
    replies = await bank.post(first, second)
    assert [code(reply) for reply in replies] == ["completed"] * 2
    said = await bank.said()
    assert [(subject, event["causationid"]) for subject, event in said] == [
        (OPENED, str(first.id)), (PLACED, str(first.id)), (PLACED, str(second.id)),
    ]  # fmt: skip
    opened = said[0][1]["data"]
    assert (opened["kind"], opened["currency"]) == ("clearing", "EUR")
    assert {reply.resource["credit_account"] for reply in replies} == {opened["account_id"]}
    assert await _system(bank) == {"clearing sandbox EUR": 0}
    await bank.post(capturing(first.data.hold_id), voiding(second.data.hold_id), _for_sandbox(wallet, 1))
    assert await _system(bank) == {"clearing sandbox EUR": 100}
    assert OPENED not in {subject for subject, _ in await bank.said()}
    assert await _sound(database)


async def test_a_hold_asked_for_again_is_the_same_though_its_account_exists_now(bank: Bank) -> None:
    wallet = await bank.wallet(balance=1000)
    command = _for_sandbox(wallet, 1000)
    [placed] = await bank.post(command)
    [again] = await bank.post(command.model_copy(update={"id": new_id()}))
    assert again.resource == placed.resource
    by_id = placing(wallet, UUID(placed.resource["credit_account"]), 1000, LATER, hold_id=command.data.hold_id)
    [other] = await bank.post(by_id)
    assert code(other) == "refused hold_id_reused"


async def test_a_refused_hold_opens_nothing_and_is_refused_again_when_the_account_exists(bank: Bank) -> None:
    wallet = await bank.wallet(balance=10)
    command = _for_sandbox(wallet, 11)
    assert [code(reply) for reply in await bank.post(command)] == ["refused insufficient_funds"]
    assert await _system(bank) == {}
    await bank.post(transfer(SANDBOX, wallet, 500))
    again = command.model_copy(update={"id": new_id()})
    assert [code(reply) for reply in await bank.post(again)] == ["refused insufficient_funds"]


async def test_transfers_and_journals_name_accounts_in_their_own_currency(bank: Bank, database: Database) -> None:
    euros, dollars = await bank.wallet(), await bank.wallet(currency="USD")
    replies = await bank.post(
        transfer(SANDBOX, euros, 1000),
        transfer(SANDBOX, dollars, 70, currency="USD"),
        journal(leg(SANDBOX, euros, 300), leg(euros, FEES, 9)),
        transfer(SANDBOX, SUSPENSE, 5),
    )
    assert [code(reply) for reply in replies] == ["completed"] * 4
    assert await bank.balances([euros, dollars]) == [1291, 70]
    assert await _system(bank) == {
        "clearing sandbox EUR": -1305, "clearing sandbox USD": -70, "fees EUR": 9, "suspense EUR": 5,
    }  # fmt: skip
    assert await _sound(database)


async def test_a_transfer_asked_for_again_by_name_is_the_same(bank: Bank) -> None:
    wallet = await bank.wallet()
    command = transfer(SANDBOX, wallet, 100)
    [posted] = await bank.post(command)
    again = command.model_copy(update={"id": new_id()})
    assert await bank.post(again) == [posted]
    by_id = transfer(UUID(posted.resource["debit_account"]), wallet, 100, transfer_id=command.data.transfer_id)
    assert [code(reply) for reply in await bank.post(by_id)] == ["refused transfer_id_reused"]
    assert await bank.balance(wallet) == 100


async def test_no_user_authorises_a_debit_of_the_systems_own(bank: Bank) -> None:
    ann = new_id()
    wallet = await bank.wallet(ann, balance=100)
    replies = await bank.post(
        transfer(SANDBOX, wallet, 1, authorised_by=ann),
        transfer(FEES, wallet, 1, authorised_by=ann),
        journal(leg(wallet, FEES, 1), leg(CLEARING, wallet, 1), authorised_by=ann),
        transfer(wallet, FEES, 1, authorised_by=ann),
    )
    assert [code(reply) for reply in replies] == ["refused debit_account_not_found"] * 3 + ["completed"]
    assert (await bank.balance(wallet), await _system(bank)) == (99, {"fees EUR": 1})


async def test_an_account_holds_nothing_for_itself_under_its_name(bank: Bank) -> None:
    wallet = await bank.wallet()
    [posted] = await bank.post(transfer(SANDBOX, wallet, 1))
    clearing = UUID(posted.resource["debit_account"])
    refused = await bank.post(_for_sandbox(clearing, 1), transfer(SANDBOX, clearing, 1))
    assert [code(reply) for reply in refused] == ["refused same_account"] * 2


@pytest.mark.parametrize(
    "name",
    [
        {"kind": "fx"},
        {"kind": "wallet"},
        {"kind": "general"},
        {"kind": "fees", "processor": "sandbox"},
        {"kind": "clearing", "processor": "Not A Name"},
        {"processor": "sandbox"},
        "sandbox",
        None,
    ],
)
@pytest.mark.parametrize("message", [PostTransfer, TransferLeg, PlaceHold])
def test_what_names_no_account_is_not_a_command(
    message: type[PostTransfer | TransferLeg | PlaceHold], name: Any
) -> None:
    asked = {
        "transfer_id": new_id(), "hold_id": new_id(), "debit_account": new_id(), "credit_account": name, "amount": 1,
        "currency": "EUR", "expires_at": LATER,
    }  # fmt: skip
    message.model_validate(asked | {"credit_account": {"kind": "clearing", "processor": "sandbox"}})
    with pytest.raises(ValidationError):
        message.model_validate(asked)


def test_a_hold_names_the_account_that_it_debits_by_id() -> None:
    asked = {"hold_id": new_id(), "credit_account": new_id(), "amount": 1, "currency": "EUR", "expires_at": LATER}
    with pytest.raises(ValidationError):
        PlaceHold.model_validate(asked | {"debit_account": {"kind": "clearing"}})


def test_names_and_ids_are_written_as_they_are_read() -> None:
    command = transfer(SANDBOX, new_id(), 1)
    read = decode(command.encode(), PostTransfer)
    assert read == command
    assert isinstance(read.data.credit_account, UUID)
    assert b'"debit_account":{"kind":"clearing","processor":"sandbox"}' in command.encode()
    assert envelope_of(PostTransfer).model_validate(command.model_dump()) == command
