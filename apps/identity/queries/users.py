"""Reads users."""

from apps.identity.domain.account import normalised
from apps.identity.store import accounts
from apps.identity.store.users import all_shown, shown
from contracts.identity import GetUser, ListUsers, User, UserPage
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused


async def get_user(database: Database, request: Envelope[GetUser]) -> User:
    """Return a user. Raises Refused with `user_not_found`."""
    async with database.reads() as reads:
        account = await accounts.by_id(reads, request.data.user)
        if account is None:
            raise Refused("user_not_found", "There is no such user.", "user_id")
        return await shown(reads, account)


async def list_users(database: Database, request: Envelope[ListUsers]) -> UserPage:
    """Return users, newest first."""
    asked = request.data
    async with database.reads() as reads:
        if asked.email is not None:
            account = await accounts.by_email(reads, normalised(asked.email))
            return UserPage(users=[await shown(reads, account)] if account else [])
        found = await accounts.page(reads, asked.role, asked.before, asked.limit + 1)
        users = await all_shown(reads, found[: asked.limit])
    return UserPage(users=users, next_before=users[-1].id if len(found) > asked.limit else None)
