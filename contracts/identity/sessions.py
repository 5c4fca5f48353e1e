"""Sessions: logging in, stepping up, refresh tokens and what ends them (OAuth 2.1, RFC 9470, RFC 9700 §4.14)."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import UUID7, AwareDatetime, EmailStr, Field

from contracts.identity.shared import FIRST_PARTY_CLIENT, Done, GivenPassword, Jkt, Origin, Secret
from contracts.message import Message, event, query

MOST_SESSIONS = 100
"""The most sessions that a user has at a time; one more ends the one that was used least recently."""
MOST_REVOCATIONS = 5000


class Acr(StrEnum):
    """How surely a user was authenticated (NIST SP 800-63B): by one factor, or by two."""

    ONE_FACTOR = "aal1"
    TWO_FACTORS = "aal2"


class AccessToken(Message):
    """An OAuth 2.0 token response (RFC 6749 §5.1). `refresh_token` gives the next one, and changes each time.

    `device_token` proves at the next login that it comes from a device which has logged in before.
    """

    access_token: str
    token_type: Literal["Bearer", "DPoP"] = "Bearer"
    expires_in: Annotated[int, Field(gt=0, description="Seconds")]
    scope: str
    refresh_token: str | None = None
    session_id: UUID7 | None = None
    device_token: str | None = None


class Session(Message):
    """A login that still holds. `client` is through which client, `current` whether it is the asker's own."""

    id: UUID7
    client_id: str
    client_name: str
    device: Annotated[str, Field(description="What the client said that it is (User-Agent)")]
    address: str
    scope: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime
    expires_at: AwareDatetime
    current: bool = False


class Sessions(Message):
    """All sessions of a user, last used first: at most MOST_SESSIONS."""

    sessions: list[Session]


@query("identity", "login", senders=("gateway",), answer=AccessToken)
class Login(Message):
    """Begin a session with e-mail and password, and a second factor where the account has one.

    Refused with `invalid_credentials`, `second_factor_required`, `too_many_attempts`, `overloaded`.
    """

    email: Annotated[EmailStr, Field(max_length=254)]
    password: GivenPassword
    otp: Annotated[str | None, Field(pattern="^[0-9]{6}$")] = None
    recovery_code: Secret | None = None
    device_token: Secret | None = None
    jkt: Jkt | None = None
    origin: Origin | None = None


@query("identity", "login_with_passkey", senders=("gateway",), answer=AccessToken)
class LoginWithPasskey(Message):
    """Begin a session with a passkey's answer to a challenge (WebAuthn §7.2). Refused with `invalid_credentials`."""

    challenge_id: UUID7
    credential: dict[str, Any]
    jkt: Jkt | None = None
    origin: Origin


@query("identity", "step_up", senders=("gateway",), answer=AccessToken)
class StepUp(Message):
    """Authenticate again within a session (RFC 9470): the new token says when and how. Give what is asked for.

    A password, with a one-time code where the account has them; a code alone, as the second factor of a session that
    began with the first; or a passkey. Refused with `invalid_credentials`, `second_factor_required`,
    `too_many_attempts`, `overloaded`, `session_ended`, `not_permitted` (the session is another program's).
    """

    user: UUID7
    session: UUID7
    password: GivenPassword | None = None
    otp: Annotated[str | None, Field(pattern="^[0-9]{6}$")] = None
    challenge_id: UUID7 | None = None
    credential: dict[str, Any] | None = None
    origin: Origin


@query("identity", "refresh", senders=("gateway",), answer=AccessToken)
class Refresh(Message):
    """Exchange a refresh token for its successor and an access token (RFC 6749 §6).

    The same token presented again within ten seconds, by the same client and DPoP key, gets the identical successor;
    presented later or by another it ends the session. Refused with `invalid_grant`, `invalid_client`, `invalid_scope`.
    """

    client_id: Annotated[str, Field(max_length=64)] = FIRST_PARTY_CLIENT
    client_secret: Secret | None = None
    refresh_token: Secret
    scope: Annotated[str | None, Field(max_length=500)] = None
    jkt: Jkt | None = None
    origin: Origin


@query("identity", "list_sessions", senders=("gateway",), answer=Sessions)
class ListSessions(Message):
    """Read a user's sessions."""

    user: UUID7
    current: UUID7 | None = None


@query("identity", "end_session", senders=("gateway",), answer=Done)
class EndSession(Message):
    """End one session of a user. Refused with `session_not_found`."""

    user: UUID7
    session: UUID7
    origin: Origin


@query("identity", "end_sessions", senders=("gateway",), answer=Done)
class EndSessions(Message):
    """End all sessions of a user, but the one named in `except_session`."""

    user: UUID7
    except_session: UUID7 | None = None
    origin: Origin


class RevocationReason(StrEnum):
    """Why access ended before its time."""

    LOGGED_OUT = "logged_out"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    CODE_REUSED = "code_reused"
    PASSWORD_CHANGED = "password_changed"
    ROLE_CHANGED = "role_changed"
    USER_DEACTIVATED = "user_deactivated"
    USER_ERASED = "user_erased"
    TOKEN_REVOKED = "token_revoked"
    KEY_REVOKED = "key_revoked"
    CLIENT_DELETED = "client_deleted"
    TOO_MANY_SESSIONS = "too_many_sessions"


@event("identity", "access.revoked")
class AccessRevoked(Message):
    """Access tokens end before their time: those of these `grants`, and all of the user's below `version`.

    A grant is what a token was issued for: a session, an API key (by its id), or an OAuth client of its own. A token
    carries the grant as `sid`, and the version of the user's authority as `ver`. Every gateway listens to this.
    """

    user_id: UUID7 | None = None
    grants: list[UUID7] = Field(default_factory=list)
    version: int | None = None
    reason: RevocationReason
    revoked_at: AwareDatetime


@event("identity", "refresh_token.reused")
class RefreshTokenReused(Message):
    """Somebody presented a refresh token that had been replaced: it was stolen, or its client is broken."""

    session_id: UUID7
    user_id: UUID7 | None = None
    client_id: str
    detected_at: AwareDatetime


class Revocation(Message):
    """One line of what a gateway must know: a grant that has ended, or the lowest version of a user that holds."""

    id: UUID7 | None = None
    grant: UUID7 | None = None
    user_id: UUID7 | None = None
    version: int | None = None
    revoked_at: AwareDatetime


class Revocations(Message):
    """What has been revoked since then, oldest first.

    `has_more` when this is not all: ask again with the `revoked_at` of the last one as `since` and its `id` as `after`.
    Ask next time since some seconds before `as_of`: what was being committed at that instant is not told yet.
    """

    revocations: list[Revocation]
    as_of: AwareDatetime
    has_more: bool = False


@query("identity", "get_revocations", senders=("gateway",), answer=Revocations)
class GetRevocations(Message):
    """Read what was revoked since an instant, as far as an access token of then could still hold."""

    since: AwareDatetime | None = None
    after: UUID7 | None = None
