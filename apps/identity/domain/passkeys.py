"""Passkeys (WebAuthn Level 3), for one relying party. Each is two factors: the device, and what unlocks it.

A challenge is derived from its id, which carries the time, so that nothing is kept of those that nobody answers.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url, options_to_json_dict, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from apps.identity.domain.secret_tokens import Derivation
from contracts.ids import made_at

_NAME = "LedgerLink"
_PURPOSE = "passkey challenge"
_CLOCKS_APART = timedelta(seconds=10)
_LONGEST_ID = 1023
"""Bytes of a credential id (WebAuthn §4)."""


class PasskeyNotValidError(ValueError):
    """What a browser sent is no answer of a passkey to our challenge; the text is for the log, not for the sender."""


@dataclass(frozen=True)
class NewCredential:
    """What a new passkey tells of itself."""

    id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True)
class Credential:
    """A passkey that is known, and whose it is."""

    passkey: UUID
    user: UUID
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True)
class Challenges:
    """Makes challenges and knows them again. `user` is whose, where a passkey is registered, else None."""

    derivation: Derivation
    lifetime: timedelta

    def challenge(self, identifier: UUID, user: UUID | None) -> bytes:
        """Return the challenge of this id (32 bytes)."""
        return base64url_to_bytes(self.derivation.derive(_PURPOSE, *_facts(identifier, user)))

    def answered(self, credential: dict[str, Any], identifier: UUID, user: UUID | None, now: datetime) -> bytes:
        """Return the challenge that a credential answers. Raises PasskeyNotValidError: another, or past its time."""
        if not -_CLOCKS_APART <= now - made_at(identifier) < self.lifetime:
            raise PasskeyNotValidError("the challenge is past its time")
        with _reading():
            client_data = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
            text = bytes_to_base64url(client_data.challenge)
        if client_data.cross_origin:
            raise PasskeyNotValidError("the page was embedded in another's")  # §7.2 step 13: we expect no such page
        if not self.derivation.matches(text, _PURPOSE, *_facts(identifier, user)):
            raise PasskeyNotValidError("the challenge is another one")
        return client_data.challenge


def _facts(identifier: UUID, user: UUID | None) -> tuple[bytes, bytes]:
    return identifier.bytes, user.bytes if user else b""


@dataclass(frozen=True)
class RelyingParty:
    """Whom passkeys are for: a domain (RP ID), and the origins whose pages may use them."""

    id: str
    origins: tuple[str, ...]

    def registration_options(
        self, challenge: bytes, user: UUID, email: str, known: Iterable[bytes], lifetime: timedelta
    ) -> dict[str, Any]:
        """Return what `navigator.credentials.create` takes, in JSON (WebAuthn §5.4)."""
        options = generate_registration_options(
            rp_id=self.id,
            rp_name=_NAME,
            user_id=user.bytes,
            user_name=email,
            challenge=challenge,
            timeout=_milliseconds(lifetime),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in known],
        )
        return options_to_json_dict(options)

    def login_options(self, challenge: bytes, lifetime: timedelta) -> dict[str, Any]:
        """Return what `navigator.credentials.get` takes, in JSON (§5.5). It names no passkey: the browser finds one."""
        options = generate_authentication_options(
            rp_id=self.id,
            challenge=challenge,
            timeout=_milliseconds(lifetime),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def registered(self, credential: dict[str, Any], challenge: bytes) -> NewCredential:
        """Return the passkey that was made, by the steps of §7.1. Raises PasskeyNotValidError."""
        with _reading():
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                require_user_verification=True,
            )
        if len(verified.credential_id) > _LONGEST_ID:
            raise PasskeyNotValidError("the credential id is too long")  # §7.1 step 25
        return NewCredential(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def sign_count(self, credential: dict[str, Any], challenge: bytes, known: Credential) -> int:
        """Return the passkey's new counter once it has signed the challenge, by the steps of §7.2.

        Raises PasskeyNotValidError, also where the counter has not grown: then there are two of this authenticator.
        """
        with _reading():
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
            handle = credential["response"].get("userHandle")
            belongs = handle is not None and base64url_to_bytes(handle) == known.user.bytes
        if not belongs:
            raise PasskeyNotValidError("the passkey names another user")  # §7.2 step 6
        return verified.new_sign_count


def credential_id(credential: dict[str, Any]) -> bytes:
    """Return the id of the passkey that signed. Raises PasskeyNotValidError."""
    with _reading():
        return base64url_to_bytes(credential["rawId"])


@contextmanager
def _reading() -> Iterator[None]:
    """Refuse what a parser or a check of the library refuses, and whatever else it stumbles over in others' input."""
    try:
        yield
    except Exception as error:
        raise PasskeyNotValidError(f"{type(error).__name__}: {error}") from error


def _milliseconds(lifetime: timedelta) -> int:
    return lifetime // timedelta(milliseconds=1)
