"""Owners of API keys and OAuth clients."""

from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.store import accounts
from contracts.identity import UserStatus
from outbox.responder import Refused
from outbox.transaction import Transaction


async def locked_owner(tx: Transaction, user: UUID) -> Account:
    """Return an owner, locked, so that the number of what they have does not change meanwhile.

    Raises Refused with `user_not_found`.
    """
    account = await accounts.locked(tx, user)
    if account is None or account.status is not UserStatus.ACTIVE:
        raise Refused("user_not_found", "There is no such user.")
    return account
