from typing import Any

import pytest

from apps.wallet import queries
from apps.wallet.handlers.open_accounts import open_accounts
from apps.wallet.tests.bank import Bank, envelope, funding, idempotency, payment
from contracts.ids import new_id
from contracts.wallet import (
    AccountKind,
    GetAccounts,
    GetTransfer,
    ListAccounts,
    ListChart,
    ListEntries,
    OpenSystemAccount,
)
from outbox.responder import Refused


async def test_accounts_come_in_the_order_asked_for_without_those_that_do_not_exist(bank: Bank) -> None:
    ann = new_id()
    first, second = await bank.wallet(ann, balance=5), await bank.wallet(currency="JPY")
    asked = envelope(GetAccounts(ids=[second, new_id(), first, second]))
    found = (await queries.get_accounts(bank.database, asked)).accounts
    assert [(a.id, a.balance, a.currency) for a in found] == [(second, 0, "JPY"), (first, 5, "EUR")]
    assert (found[1].owner, found[1].floor) == (ann, 0)


async def test_an_owner_lists_only_own_wallets_oldest_first(bank: Bank) -> None:
    ann = new_id()
    wallets = [await bank.wallet(ann) for _ in range(3)]
    await bank.wallet()
    listed = await queries.list_accounts(bank.database, envelope(ListAccounts(owner=ann)))
    assert [account.id for account in listed.accounts] == wallets


async def test_entries_page_newest_first_to_the_end(bank: Bank) -> None:
    wallet = await bank.wallet()
    await bank.post(*(funding(wallet, amount) for amount in range(1, 6)))
    amounts, pages, before = [], 0, None
    while True:
        asked = envelope(ListEntries(account_id=wallet, before=before, limit=2))
        page = await queries.list_entries(bank.database, asked)
        amounts += [entry.amount for entry in page.entries]
        pages += 1
        before = page.next_before
        if before is None:
            break
    assert (amounts, pages) == ([5, 4, 3, 2, 1], 3)
    full = await queries.list_entries(bank.database, envelope(ListEntries(account_id=wallet, limit=5)))
    assert full.next_before is None
    assert [entry.balance_after for entry in full.entries] == [15, 10, 6, 3, 1]


async def test_a_transfer_is_read_or_refused_with_its_code(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=10), await bank.wallet()
    posted, refused = payment(ann, source, target, 10), payment(ann, source, target, 10)
    await bank.post(posted, refused)
    read = await queries.get_transfer(bank.database, envelope(GetTransfer(id=posted.data.transfer_id)))
    assert (read.id, read.sequence, read.reference) == (posted.data.transfer_id, 2, posted.data.reference)
    for asked, code in ((refused.data.transfer_id, "insufficient_funds"), (new_id(), "transfer_not_found")):
        with pytest.raises(Refused) as refusal:
            await queries.get_transfer(bank.database, envelope(GetTransfer(id=asked)))
        assert refusal.value.problem.code == code


async def test_the_chart_is_listed_by_age_kind_currency_and_external_id(bank: Bank) -> None:
    wallet = await bank.wallet(balance=1)
    for number, kind in enumerate((AccountKind.GENERAL, AccountKind.FEES, AccountKind.GENERAL)):
        async with bank.transactions.begin() as tx:
            asked = {"account_id": new_id(), "kind": kind, "type": "income", "external_id": f"books-{number}"}
            command = OpenSystemAccount.model_validate(asked | {"currency": "EUR", "idempotency": idempotency()})
            await open_accounts(tx, [envelope(command)])

    async def names(**asked: Any) -> list[str]:
        found, page = [], await queries.list_chart(bank.database, envelope(ListChart(limit=1, **asked)))
        while page.next_cursor:
            found += page.accounts
            page = await queries.list_chart(
                bank.database, envelope(ListChart(limit=1, cursor=page.next_cursor, **asked))
            )
        return [a.external_id or str(a.kind) for a in found + page.accounts]

    assert await names() == ["wallet", "clearing", "books-0", "books-1", "books-2"]
    assert await names(kind="general") == await names(kind="general", currency="EUR") == ["books-0", "books-2"]
    assert await names(kind="wallet", currency="EUR") == ["wallet"]
    assert await names(external_id="books-1") == await names(external_id="books-1", kind="fees") == ["books-1"]
    for nothing in ({"external_id": "no"}, {"external_id": "books-1", "kind": "general"}, {"currency": "JPY"}):
        assert await names(**nothing) == []
    assert wallet in {a.id for a in (await queries.list_chart(bank.database, envelope(ListChart()))).accounts}
