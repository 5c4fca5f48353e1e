"""Read accounts."""

from apps.wallet import store
from apps.wallet.domain.resources import account_resource
from contracts.message import Envelope
from contracts.wallet import PAGE_LIMIT, Accounts, GetAccounts, ListAccounts
from outbox.database import Database


async def get_accounts(database: Database, query: Envelope[GetAccounts]) -> Accounts:
    """Return those accounts that exist, in the order in which they were asked for."""
    async with database.reads() as reads:
        found = await store.load_accounts(reads, set(query.data.ids))
    return Accounts(accounts=[account_resource(found[i]) for i in dict.fromkeys(query.data.ids) if i in found])


async def list_accounts(database: Database, query: Envelope[ListAccounts]) -> Accounts:
    """Return an owner's wallets, oldest first, at most PAGE_LIMIT."""
    async with database.reads() as reads:
        wallets = await store.load_wallets(reads, query.data.owner, PAGE_LIMIT)
    return Accounts(accounts=[account_resource(account) for account in wallets])
