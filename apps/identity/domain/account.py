"""A user account, and the one spelling of an e-mail address under which it is kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.identity import Role, User


@dataclass(frozen=True)
class Account:
    """A user with the hash of their password. `email` is normalised."""

    id: UUID
    email: str
    password_hash: str
    role: Role
    created_at: datetime

    @property
    def user(self) -> User:
        """The account as its owner sees it."""
        return User(id=self.id, email=self.email, role=self.role, created_at=self.created_at)


def normalised(email: str) -> str:
    """Return the spelling that is unique: lower case.

    RFC 5321 §2.4 lets a host tell "Ann@" from "ann@", but none does, and people type either.
    """
    return email.lower()
