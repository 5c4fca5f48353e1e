"""The log of security events: who logged in, failed to, changed what; append-only."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.identity.shared import PAGE_LIMIT
from contracts.message import Message, query


class SecurityEventKind(StrEnum):
    """What happened."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    LOGIN_SLOWED = "login_slowed"
    STEPPED_UP = "stepped_up"
    SESSION_ENDED = "session_ended"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    CODE_REUSED = "code_reused"
    EMAIL_VERIFIED = "email_verified"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET_REQUESTED = "password_reset_requested"
    PASSWORD_RESET = "password_reset"
    TOTP_ENABLED = "totp_enabled"
    TOTP_REMOVED = "totp_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    API_KEY_CREATED = "api_key_created"
    API_KEY_ROTATED = "api_key_rotated"
    API_KEY_REVOKED = "api_key_revoked"
    CLIENT_CREATED = "client_created"
    CLIENT_SECRET_ROTATED = "client_secret_rotated"
    CLIENT_DELETED = "client_deleted"
    CONSENT_GIVEN = "consent_given"
    ROLE_CHANGED = "role_changed"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    ERASED = "erased"
    SIGNING_KEY_ROTATED = "signing_key_rotated"


class SecurityEvent(Message):
    """Something that happened to an account; where it came from is gone once the account is erased.

    `actor` is who did it, where that is somebody else; `about` what it was done to: a session, a key, a client.
    """

    id: UUID7
    kind: SecurityEventKind
    at: AwareDatetime
    user: UUID7 | None = None
    actor: UUID7 | None = None
    about: str | None = None
    address: str | None = None
    user_agent: str | None = None


class SecurityEventPage(Message):
    """Security events, newest first; `next_before` continues after the last one, and is None at the end."""

    events: list[SecurityEvent]
    next_before: UUID7 | None = None


@query("identity", "list_security_events", senders=("gateway",), answer=SecurityEventPage)
class ListSecurityEvents(Message):
    """Read security events, newest first: a user's, or everybody's when `user` is not given."""

    user: UUID7 | None = None
    kind: SecurityEventKind | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20
