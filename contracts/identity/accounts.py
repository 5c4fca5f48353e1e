"""Accounts of users: registering, proving an e-mail address, passwords, roles, deactivating and erasing."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, EmailStr, Field

from contracts.identity.roles import Role
from contracts.identity.screening_subjects import PersonName
from contracts.identity.shared import PAGE_LIMIT, Done, GivenPassword, NewPassword, Origin, Secret
from contracts.message import Message, event, query

Email = Annotated[EmailStr, Field(max_length=254)]


class UserStatus(StrEnum):
    """A deactivated account can be reactivated; of an erased one only its id is left, which the ledger knows."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    ERASED = "erased"


class User(Message):
    """A user as they see themselves; of an erased one, there is no address."""

    id: UUID7
    email: str | None = None
    email_verified: bool = False
    role: Role
    status: UserStatus = UserStatus.ACTIVE
    second_factors: Annotated[list[str], Field(description="Any of `totp` and `passkey`")] = Field(default_factory=list)
    created_at: AwareDatetime


class UserPage(Message):
    """Users, newest first; `next_before` continues after the last one, and is None at the end."""

    users: list[User]
    next_before: UUID7 | None = None


@query("identity", "register", senders=("gateway",), answer=User)
class Register(Message):
    """Register a customer, who is sent a token to prove the address.

    `name` and `birth_date` are what the customer is screened by; they are kept sealed.
    Refused with `email_taken`, `password_too_weak`.
    """

    email: Email
    password: NewPassword
    origin: Origin | None = None
    name: PersonName | None = None
    birth_date: date | None = None


@query("identity", "get_user", senders=("gateway",), answer=User)
class GetUser(Message):
    """Read one user. Refused with `user_not_found`."""

    user: UUID7


@query("identity", "list_users", senders=("gateway",), answer=UserPage)
class ListUsers(Message):
    """Read users, newest first, those registered before `before`; with `email` the one of that address, if any."""

    email: Email | None = None
    role: Role | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20


@query("identity", "send_verification", senders=("gateway",), answer=Done)
class SendVerification(Message):
    """Send another token that proves the user's address. Refused with `email_verified_already`."""

    user: UUID7


@query("identity", "verify_email", senders=("gateway",), answer=User)
class VerifyEmail(Message):
    """Prove an address with the token that was sent to it. Refused with `token_not_valid`."""

    token: Secret


@query("identity", "request_password_reset", senders=("gateway",), answer=Done)
class RequestPasswordReset(Message):
    """Send a token with which the password can be set; the answer is the same whether the address has an account."""

    email: Email
    origin: Origin


@query("identity", "reset_password", senders=("gateway",), answer=Done)
class ResetPassword(Message):
    """Set a password with the token that was sent; it ends all sessions.

    Refused with `token_not_valid`, `password_too_weak`.
    """

    token: Secret
    password: NewPassword
    origin: Origin


@query("identity", "change_password", senders=("gateway",), answer=Done)
class ChangePassword(Message):
    """Change a password; it ends all other sessions.

    Refused with `invalid_credentials`, `password_too_weak`, `too_many_attempts`.
    """

    user: UUID7
    session: UUID7 | None = None
    current: GivenPassword
    new: NewPassword
    origin: Origin


@query("identity", "change_role", senders=("gateway",), answer=User)
class ChangeRole(Message):
    """Give a user another role; tokens of the old one end at once. Refused with `user_not_found`, `own_account`."""

    user: UUID7
    role: Role
    changed_by: UUID7
    origin: Origin


@query("identity", "deactivate_user", senders=("gateway",), answer=User)
class DeactivateUser(Message):
    """End all sessions and keys of a user and let nobody log in. Refused with `user_not_found`."""

    user: UUID7
    deactivated_by: UUID7
    origin: Origin


@query("identity", "reactivate_user", senders=("gateway",), answer=User)
class ReactivateUser(Message):
    """Let a deactivated user log in again. Refused with `user_not_found`, `user_erased`."""

    user: UUID7
    reactivated_by: UUID7
    origin: Origin


@query("identity", "erase_user", senders=("gateway",), answer=User)
class EraseUser(Message):
    """Erase all personal data of a user for ever (GDPR Art. 17); the ledger keeps the id.

    Refused with `user_not_found`.
    """

    user: UUID7
    erased_by: UUID7
    origin: Origin


@event("identity", "user.registered")
class UserRegistered(Message):
    """A user exists. Carries no personal data: streams are kept and widely read."""

    user_id: UUID7
    role: Role
    registered_at: AwareDatetime


@event("identity", "user.email_verified")
class UserEmailVerified(Message):
    """A user has proven their address."""

    user_id: UUID7
    verified_at: AwareDatetime


@event("identity", "user.role_changed")
class UserRoleChanged(Message):
    """A user has another role."""

    user_id: UUID7
    role: Role
    changed_by: UUID7
    changed_at: AwareDatetime


@event("identity", "user.status_changed")
class UserStatusChanged(Message):
    """A user was deactivated, reactivated or erased; who keeps personal data of an erased one erases it too."""

    user_id: UUID7
    status: UserStatus
    changed_by: UUID7
    changed_at: AwareDatetime


class Purpose(StrEnum):
    """What an outgoing message is for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"
    PASSWORD_CHANGED = "password_changed"
    SUSPICIOUS_LOGINS = "suspicious_logins"


@event("identity", "message.queued")
class MessageQueued(Message):
    """A message to a user waits for its sender. Neither its address nor its token is told."""

    message_id: UUID7
    user_id: UUID7
    purpose: Purpose
    queued_at: AwareDatetime
