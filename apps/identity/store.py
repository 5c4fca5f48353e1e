"""Every SQL statement of the identity service."""

from apps.identity.domain.account import Account
from contracts.identity import Role
from outbox.database import Reads
from outbox.transaction import Transaction

_ADD = """
INSERT INTO user_account (id, email, password_hash, role, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (email) DO NOTHING RETURNING id
"""
_BY_EMAIL = "SELECT id, email, password_hash, role, created_at FROM user_account WHERE email = $1"


async def add_account(tx: Transaction, account: Account) -> bool:
    """Add an account; False when its e-mail address has one already."""
    row = (account.id, account.email, account.password_hash, account.role.value, account.created_at)
    return await tx.fetchval(_ADD, *row) is not None


async def account_by_email(reads: Reads, email: str) -> Account | None:
    """Return the account of a normalised address."""
    row = await reads.fetchrow(_BY_EMAIL, email)
    if row is None:
        return None
    return Account(row["id"], row["email"], row["password_hash"], Role(row["role"]), row["created_at"])
