"""Accounts as their owners see them: with their second factors, and without what proves who they are."""

from collections.abc import Sequence

from apps.identity.domain.account import Account
from apps.identity.store import second_factors
from contracts.identity import User
from outbox.database import Reads


async def shown(reads: Reads, account: Account) -> User:
    """Return an account as its owner sees it."""
    return (await all_shown(reads, [account]))[0]


async def all_shown(reads: Reads, accounts: Sequence[Account]) -> list[User]:
    """Return accounts as their owners see them, in the same order."""
    kinds = await second_factors.kinds_of(reads, [account.id for account in accounts])
    return [account.user.model_copy(update={"second_factors": kinds.get(account.id, [])}) for account in accounts]
