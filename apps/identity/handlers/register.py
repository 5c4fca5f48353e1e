"""Register: a new customer, unless the address has an account."""

from datetime import UTC, datetime

from apps.identity import store
from apps.identity.domain.account import Account, normalised
from apps.identity.domain.passwords import Passwords
from contracts.identity import Register, Role, User, UserRegistered
from contracts.ids import new_id
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transaction, Transactions


async def register(
    transactions: Transactions, passwords: Passwords, _database: Database, request: Envelope[Register]
) -> User:
    """Answer a request to register. Raises Refused with `email_taken` or `deadline_exceeded`."""
    if request.is_late(datetime.now(UTC)):
        raise Refused("deadline_exceeded", "The request came too late to be worked on; send it again.")
    password_hash = await passwords.hash(request.data.password.get_secret_value())
    async with transactions.begin() as tx:
        account = Account(new_id(), normalised(request.data.email), password_hash, Role.CUSTOMER, tx.now)
        if not await _add(tx, account, request):
            raise Refused("email_taken", "This e-mail address has an account already; log in instead.", "email")
    return account.user


async def ensure_operator(transactions: Transactions, passwords: Passwords, email: str, password: str) -> None:
    """Add the first operator, from whom all money comes, unless the address has an account already."""
    async with transactions.begin() as tx:
        known = await store.account_by_email(tx, normalised(email))
    if known:
        return
    password_hash = await passwords.hash(password)
    async with transactions.begin() as tx:
        await _add(tx, Account(new_id(), normalised(email), password_hash, Role.OPERATOR, tx.now), None)


async def _add(tx: Transaction, account: Account, cause: Envelope[Register] | None) -> bool:
    if not await store.add_account(tx, account):
        return False
    tx.say(UserRegistered(user_id=account.id, role=account.role, registered_at=account.created_at), cause)
    return True
