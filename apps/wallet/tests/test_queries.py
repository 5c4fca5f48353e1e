import pytest

from apps.wallet import queries
from apps.wallet.tests.bank import Bank, envelope, funding, payment
from contracts.ids import new_id
from contracts.wallet import GetAccounts, GetTransfer, ListAccounts, ListEntries
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
