from itertools import pairwise
from uuid import UUID

import pytest

from apps.wallet.handlers.operations import LedgerCommand
from apps.wallet.tests.bank import PASSED, Bank, code, funding, idempotency, opening, payment
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.wallet import PostTransfer

POSTED, REFUSED, OPENED = (
    "wallet.events.transfer.posted",
    "wallet.events.transfer.refused",
    "wallet.events.account.opened",
)
_CLEARING = "SELECT currency, balance FROM account WHERE kind = 'clearing' ORDER BY currency"


async def _counts(bank: Bank) -> tuple[int, int, int]:
    row = await bank.database.pool.fetchrow(
        "SELECT (SELECT count(*) FROM transfer), (SELECT count(*) FROM entry), (SELECT count(*) FROM refusal)"
    )
    assert row is not None
    return tuple(row)


def _names(command: Envelope[PostTransfer]) -> dict[str, UUID | None]:
    return {"transfer_id": command.data.transfer_id, "reference": command.data.reference}


async def test_a_payment_moves_money_and_says_so(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=1000), await bank.wallet()
    await bank.said()
    command = payment(ann, source, target, 400)
    assert await bank.post(command) == []
    assert await bank.balances([source, target]) == [600, 400]
    [(subject, event)] = await bank.said()
    assert subject == POSTED
    assert (event["causationid"], event["correlationid"]) == (str(command.id), "test")
    transfer = event["data"]["transfer"]
    assert transfer["posted_at"] == transfer.pop("effective_at")
    del transfer["posted_at"]
    assert transfer == {
        "id": str(command.data.transfer_id),
        "debit_account": str(source),
        "credit_account": str(target),
        "amount": 400,
        "currency": "EUR",
        "reference": str(command.data.reference),
        "sequence": 2,
    }


async def test_a_refused_payment_changes_nothing_and_says_so(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=100), await bank.wallet()
    await bank.said()
    command = payment(ann, source, target, 101)
    await bank.post(command)
    assert await bank.balances([source, target]) == [100, 0]
    [(subject, event)] = await bank.said()
    assert subject == REFUSED
    assert event["data"]["transfer_id"] == str(command.data.transfer_id)
    assert event["data"]["reference"] == str(command.data.reference)
    assert event["data"]["problem"]["code"] == "insufficient_funds"


@pytest.mark.parametrize("enough", [True, False])
async def test_a_transfer_asked_for_again_has_the_same_outcome_and_no_second_effect(bank: Bank, enough: bool) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=50 if enough else 49), await bank.wallet()
    first = payment(ann, source, target, 50)
    await bank.post(first)
    before, counts = await bank.balances([source, target]), await _counts(bank)
    await bank.said()
    again = [payment(ann, source, target, 50, **_names(first)) for _ in "12"]
    await bank.wallet(ann, balance=1000)
    await bank.said()
    await bank.post(*again)
    assert await bank.balances([source, target]) == before
    assert await _counts(bank) == (counts[0] + 1, counts[1] + 2, counts[2])
    said = await bank.said()
    assert [(s, e["causationid"]) for s, e in said] == [(POSTED if enough else REFUSED, str(c.id)) for c in again]
    assert said[0][1]["data"] == said[1][1]["data"]


async def test_another_transfer_under_a_used_id_is_refused(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=100), await bank.wallet()
    first = payment(ann, source, target, 50)
    await bank.post(first)
    await bank.said()
    await bank.post(payment(ann, source, target, 49, **_names(first)))
    [(subject, event)] = await bank.said()
    assert (subject, event["data"]["problem"]["code"]) == (REFUSED, "transfer_id_reused")
    assert await bank.balances([source, target]) == [50, 50]


async def test_funding_answers_with_the_transfer_and_opens_the_clearing_account_once(bank: Bank) -> None:
    wallet, other, dollars = await bank.wallet(), await bank.wallet(), await bank.wallet(currency="USD")
    await bank.said()
    commands = [funding(wallet, 100), funding(other, 50), funding(dollars, 70, "USD")]
    replies = await bank.post(*commands)
    assert [code(reply) for reply in replies] == ["completed"] * 3
    assert (replies[0].resource["credit_account"], replies[0].resource["amount"]) == (str(wallet), 100)
    said = await bank.said()
    assert [subject for subject, _ in said] == [OPENED, OPENED, POSTED, POSTED, POSTED]
    assert [e["causationid"] for s, e in said if s == OPENED] == [str(commands[0].id), str(commands[2].id)]
    await bank.post(funding(wallet, 1))
    clearing = await bank.database.pool.fetch(
        "SELECT currency, balance FROM account WHERE kind = 'clearing' ORDER BY 1"
    )
    assert [tuple(row) for row in clearing] == [("EUR", -151), ("USD", -70)]


async def test_refused_funding_answers_with_the_problem_and_opens_nothing(bank: Bank) -> None:
    wallet = await bank.wallet()
    replies = await bank.post(funding(new_id(), 100), funding(wallet, 100, "JPY"))
    assert [code(reply) for reply in replies] == ["refused credit_account_not_found", "refused currency_mismatch"]
    assert await bank.database.pool.fetch(_CLEARING) == []


async def test_funding_under_a_used_key_is_answered_again_and_not_posted_again(bank: Bank) -> None:
    wallet = await bank.wallet()
    key = idempotency()
    [first] = await bank.post(funding(wallet, 100, idempotency=key))
    again = [funding(wallet, 100, idempotency=key), funding(wallet, 100, idempotency=key)]
    assert await bank.post(*again) == [first, first]
    [reply] = await bank.post(funding(wallet, 7, idempotency=idempotency(key.key, "1" * 64)))
    assert code(reply) == "refused idempotency_key_reused"
    assert await bank.balance(wallet) == 100


async def test_late_funding_is_refused_without_using_up_its_key(bank: Bank) -> None:
    wallet = await bank.wallet()
    key = idempotency()
    [reply] = await bank.post(funding(wallet, 100, idempotency=key, deadline=PASSED))
    assert code(reply) == "refused deadline_exceeded"
    [reply] = await bank.post(funding(wallet, 100, idempotency=key))
    assert code(reply) == "completed"
    await bank.post(funding(wallet, 100, idempotency=key, deadline=PASSED))
    assert await bank.post(funding(wallet, 100, idempotency=key)) == [reply]
    assert await bank.balance(wallet) == 100


async def test_a_payment_spends_what_came_in_before_it_in_the_same_batch(bank: Bank) -> None:
    ann, bob = new_id(), new_id()
    a, b, c = await bank.wallet(ann), await bank.wallet(bob), await bank.wallet()
    await bank.said()
    await bank.post(payment(ann, a, b, 10), funding(a, 10), payment(ann, a, b, 10), payment(bob, b, c, 10))
    assert await bank.balances([a, b, c]) == [0, 0, 10]
    subjects = [subject for subject, _ in await bank.said()]
    assert subjects == [OPENED, REFUSED, POSTED, POSTED, POSTED]


async def test_a_thousand_transfers_on_one_account_are_one_batch(bank: Bank) -> None:
    ann, bob = new_id(), new_id()
    a, b = await bank.wallet(ann, balance=10_000), await bank.wallet(bob)
    commands = [command for _ in range(500) for command in (payment(ann, a, b, 2), payment(bob, b, a, 1))]
    await bank.post(*commands)
    assert await bank.balances([a, b]) == [9_500, 500]
    entries = await bank.database.pool.fetch(
        "SELECT sequence, amount, balance_after FROM entry WHERE account_id = $1 ORDER BY sequence", a
    )
    assert len(entries) == 1001
    assert all(
        after["balance_after"] == before["balance_after"] + after["amount"] for before, after in pairwise(entries)
    )


async def _books(bank: Bank) -> list[tuple[UUID, int, int, int]]:
    rows = await bank.database.pool.fetch(
        "SELECT transfer_id, sequence, amount, balance_after FROM entry ORDER BY sequence, amount"
    )
    return [tuple(row) for row in rows]


async def test_a_batch_in_any_split_leaves_the_same_books(bank: Bank, other_bank: Bank) -> None:
    ann, bob = new_id(), new_id()
    a, b = new_id(), new_id()
    for each in (bank, other_bank):
        await each.open(opening(a, ann), opening(b, bob))
    first = payment(ann, a, b, 60)
    commands: list[Envelope[LedgerCommand]] = [
        funding(a, 100), first, payment(ann, a, b, 60), first, payment(bob, b, a, 20), payment(ann, a, b, 60),
        payment(bob, a, b, 1), payment(ann, a, a, 1), payment(ann, a, new_id(), 1),
    ]  # fmt: skip
    await bank.post(*commands)
    for start in range(0, len(commands), 2):
        await other_bank.post(*commands[start : start + 2])
    assert await _books(bank) == await _books(other_bank)
    assert [(s, e["data"].get("problem")) for s, e in await bank.said() if s != OPENED] == [
        (s, e["data"].get("problem")) for s, e in await other_bank.said() if s != OPENED
    ]
