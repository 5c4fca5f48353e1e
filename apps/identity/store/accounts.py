"""User accounts."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from apps.identity.domain.account import Account
from contracts.identity import Role, UserStatus
from outbox.database import Reads
from outbox.transaction import Transaction

_LAST = UUID(int=2**128 - 1)
_ADD = """
INSERT INTO user_account (id, email, password_hash, role, created_at, personal_key) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (email) DO NOTHING RETURNING id
"""
_BY_EMAIL = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE email = $1
"""
_BY_ID = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE id = $1
"""
_LOCKED = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE id = $1 FOR UPDATE
"""
_BY_EMAILS = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE email = ANY($1::text[])
"""
_BY_IDS = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE id = ANY($1::uuid[])
"""
_NEXT_VERSION = "UPDATE user_account SET version = version + 1 WHERE id = $1 RETURNING version"
_PAGE = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE id < $1 ORDER BY id DESC LIMIT $2
"""
_PAGE_OF_ROLE = """
SELECT id, email, password_hash, role, created_at, status, version, email_verified_at, personal_key
FROM user_account WHERE id < $1 AND role = $3 ORDER BY id DESC LIMIT $2
"""
_RENEW_HASH = "UPDATE user_account SET password_hash = $3 WHERE id = $1 AND password_hash = $2 RETURNING id"
_SET_HASH = "UPDATE user_account SET password_hash = $2 WHERE id = $1"
_VERIFY_EMAIL = "UPDATE user_account SET email_verified_at = coalesce(email_verified_at, $2) WHERE id = $1"
_SET_ROLE = "UPDATE user_account SET role = $2 WHERE id = $1"
_SET_STATUS = "UPDATE user_account SET status = $2 WHERE id = $1"
_ERASE = """
UPDATE user_account
SET status = 'erased', email = NULL, password_hash = NULL, personal_key = NULL, email_verified_at = NULL WHERE id = $1
"""


async def add(tx: Transaction, account: Account) -> bool:
    """Add an account; False when its e-mail address has one already."""
    row = (
        account.id,
        account.email,
        account.password_hash,
        account.role.value,
        account.created_at,
        account.personal_key,
    )
    return await tx.fetchval(_ADD, *row) is not None


async def by_email(reads: Reads, email: str) -> Account | None:
    """Return the account of a normalised address."""
    return _account(await reads.fetchrow(_BY_EMAIL, email))


async def by_emails(reads: Reads, emails: Iterable[str]) -> dict[str, Account]:
    """Return the accounts that normalised addresses have, by these."""
    found = {row["email"]: _account(row) for row in await reads.fetch(_BY_EMAILS, sorted(set(emails)))}
    return {email: account for email, account in found.items() if account}


async def by_id(reads: Reads, user: UUID) -> Account | None:
    """Return an account."""
    return _account(await reads.fetchrow(_BY_ID, user))


async def by_ids(reads: Reads, users: Iterable[UUID]) -> dict[UUID, Account]:
    """Return accounts by their ids."""
    accounts = (_account(row) for row in await reads.fetch(_BY_IDS, list(set(users))))
    return {account.id: account for account in accounts if account}


async def next_version(tx: Transaction, user: UUID) -> int:
    """Count one more change of what a user may do, and return the version from which on tokens hold."""
    version: int = await tx.fetchval(_NEXT_VERSION, user)
    return version


async def locked(tx: Transaction, user: UUID) -> Account | None:
    """Return an account, and keep others from changing it until this transaction ends."""
    return _account(await tx.fetchrow(_LOCKED, user))


async def page(reads: Reads, role: Role | None, before: UUID | None, limit: int) -> list[Account]:
    """Return accounts, newest first: those before an id, all or those of one role."""
    end = before or _LAST
    if role is None:
        rows = await reads.fetch(_PAGE, end, limit)
    else:
        rows = await reads.fetch(_PAGE_OF_ROLE, end, limit, role.value)
    return [account for row in rows if (account := _account(row))]


async def renew_hash(tx: Transaction, account: Account, password_hash: str) -> bool:
    """Keep another hash of the same password; False when the account has another password meanwhile."""
    return await tx.fetchval(_RENEW_HASH, account.id, account.password_hash, password_hash) is not None


async def set_password(tx: Transaction, user: UUID, password_hash: str) -> None:
    """Keep the hash of another password."""
    await tx.execute(_SET_HASH, user, password_hash)


async def verify_email(tx: Transaction, user: UUID) -> None:
    """Note that the address has been proven, unless it was already."""
    await tx.execute(_VERIFY_EMAIL, user, tx.now)


async def set_role(tx: Transaction, user: UUID, role: Role) -> None:
    """Give a user another role."""
    await tx.execute(_SET_ROLE, user, role.value)


async def set_status(tx: Transaction, user: UUID, status: UserStatus) -> None:
    """Deactivate or reactivate an account."""
    await tx.execute(_SET_STATUS, user, status.value)


async def erase(tx: Transaction, user: UUID) -> None:
    """Forget who a user was; the id stays, which the ledger knows."""
    await tx.execute(_ERASE, user)


def _account(row: asyncpg.Record | None) -> Account | None:
    if row is None:
        return None
    return Account(
        id=row["id"],
        email=row["email"],
        password_hash=row["password_hash"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        status=UserStatus(row["status"]),
        version=row["version"],
        email_verified_at=row["email_verified_at"],
        personal_key=row["personal_key"],
    )
