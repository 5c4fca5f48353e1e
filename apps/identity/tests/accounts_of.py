"""Accounts of users who have registered, as handlers have them in hand."""

from apps.identity.domain.account import Account
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.store import accounts
from apps.identity.tests.asking import register_request
from outbox.database import Database


async def registered(parts: Parts, database: Database, email: str = "ann@ledgerlink.example") -> Account:
    """Register a customer, and return the account."""
    user = await register(parts, database, register_request(email))
    async with database.reads() as reads:
        account = await accounts.by_id(reads, user.id)
    assert account
    return account
