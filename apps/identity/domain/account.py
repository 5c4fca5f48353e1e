"""A user account, and the one spelling of an e-mail address under which it is kept."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.identity import Role, User, UserStatus


@dataclass(frozen=True)
class Account:
    """A user with the hash of their password. `email` is normalised; an erased account has neither.

    `version` counts the changes of what the user may do: tokens of an earlier one hold no longer.
    """

    id: UUID
    email: str | None
    password_hash: str | None = field(repr=False)
    role: Role
    created_at: datetime
    status: UserStatus = UserStatus.ACTIVE
    version: int = 1
    email_verified_at: datetime | None = None
    personal_key: bytes | None = field(default=None, repr=False)

    @property
    def user(self) -> User:
        """The account as its owner sees it."""
        return User(
            id=self.id,
            email=self.email,
            email_verified=self.email_verified_at is not None,
            role=self.role,
            status=self.status,
            created_at=self.created_at,
        )


def normalised(email: str) -> str:
    """Return the spelling that is unique: lower case.

    RFC 5321 §2.4 lets a host tell "Ann@" from "ann@", but none does, and people type either.
    """
    return email.lower()
