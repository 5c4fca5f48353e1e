"""Second factors and passkeys: one-time codes (RFC 6238), recovery codes, WebAuthn."""

from typing import Annotated, Any

from pydantic import UUID7, AwareDatetime, Field

from contracts.identity.shared import Done, Line, Origin
from contracts.message import Message, query

MOST_PASSKEYS = 20
"""The most passkeys that a user has."""
OneTimeCode = Annotated[str, Field(pattern="^[0-9]{6}$")]


class TotpSecret(Message):
    """What an authenticator app is told, as text and as the URI that a QR code carries; it counts once confirmed."""

    secret: str
    uri: str


class RecoveryCodes(Message):
    """Codes that each stand for a second factor once; they are never told again."""

    recovery_codes: list[str]


class Passkey(Message):
    """A passkey of a user."""

    id: UUID7
    name: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = None


class Passkeys(Message):
    """All passkeys of a user, newest first: at most MOST_PASSKEYS."""

    passkeys: list[Passkey]


class PasskeyChallenge(Message):
    """A challenge, and the options that a browser's `navigator.credentials` takes (WebAuthn §5.4, §5.5)."""

    challenge_id: UUID7
    options: dict[str, Any]


@query("identity", "start_totp", senders=("gateway",), answer=TotpSecret)
class StartTotp(Message):
    """Make a secret for an authenticator app, in place of one that was never confirmed. Refused with `totp_enabled`."""

    user: UUID7


@query("identity", "confirm_totp", senders=("gateway",), answer=RecoveryCodes)
class ConfirmTotp(Message):
    """Enable one-time codes by giving one.

    Refused with `code_not_valid`, `totp_not_started`, `totp_enabled`, `too_many_attempts`.
    """

    user: UUID7
    code: OneTimeCode
    origin: Origin


@query("identity", "remove_totp", senders=("gateway",), answer=Done)
class RemoveTotp(Message):
    """Disable one-time codes, and forget the recovery codes. Refused with `totp_not_enabled`."""

    user: UUID7
    origin: Origin


@query("identity", "renew_recovery_codes", senders=("gateway",), answer=RecoveryCodes)
class RenewRecoveryCodes(Message):
    """Make recovery codes in place of all earlier ones. Refused with `totp_not_enabled`."""

    user: UUID7
    origin: Origin


@query("identity", "start_passkey", senders=("gateway",), answer=PasskeyChallenge)
class StartPasskey(Message):
    """Begin to register a passkey. Refused with `too_many_passkeys`."""

    user: UUID7


@query("identity", "add_passkey", senders=("gateway",), answer=Passkey)
class AddPasskey(Message):
    """Register a passkey by its answer to the challenge (WebAuthn §7.1).

    Refused with `passkey_not_valid`, `too_many_passkeys`.
    """

    user: UUID7
    challenge_id: UUID7
    credential: dict[str, Any]
    name: Line
    origin: Origin


@query("identity", "list_passkeys", senders=("gateway",), answer=Passkeys)
class ListPasskeys(Message):
    """Read a user's passkeys."""

    user: UUID7


@query("identity", "remove_passkey", senders=("gateway",), answer=Done)
class RemovePasskey(Message):
    """Forget a passkey. Refused with `passkey_not_found`."""

    user: UUID7
    passkey: UUID7
    origin: Origin


@query("identity", "challenge_passkey", senders=("gateway",), answer=PasskeyChallenge)
class ChallengePasskey(Message):
    """Begin to log in, or to step up, with a passkey; the answer tells nothing about who has an account."""
