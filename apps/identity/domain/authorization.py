"""Authorization requests: which ones are in order, and what stands for a user's consent (RFC 6749 §4.1, RFC 7636).

From signing in to the code's end there is one grant: a ticket stands for it while the user is asked, then the code.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.domain.authentication import Authentication
from apps.identity.domain.clients import Client
from apps.identity.domain.secret_tokens import base64url, fresh_token
from contracts.identity import Acr, AuthorizationRequest, GrantType, Scope, UserStatus

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class AuthorizationError(ValueError):
    """What the client is told at its redirect URI (RFC 6749 §4.1.2.1): a code of the standard, and why."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


@dataclass(frozen=True)
class Asked:
    """What a client asks for, in order: the scopes that it may have, and whether the user has to prove two factors."""

    client: Client
    scopes: tuple[Scope, ...]
    needs_two_factors: bool


def asked_for(client: Client, request: AuthorizationRequest) -> Asked:
    """Return what an authorization request asks for. Raises AuthorizationError: the first rule that it breaks."""
    if not request.response_type:
        raise AuthorizationError("invalid_request", "response_type is missing; send `code`.")
    if request.response_type != "code":
        raise AuthorizationError("unsupported_response_type", "Only the response_type `code` is supported.")
    if not client.may(GrantType.AUTHORIZATION_CODE):
        raise AuthorizationError("unauthorized_client", "The client is not registered for authorization codes.")
    if request.code_challenge_method != "S256":
        raise AuthorizationError("invalid_request", "PKCE is required: code_challenge_method must be `S256`.")
    if not _CHALLENGE.fullmatch(request.code_challenge):
        raise AuthorizationError("invalid_request", "code_challenge must be a SHA-256 in base64url, without padding.")
    levels = request.acr_values.split()
    if levels and not set(levels).intersection(Acr):
        raise AuthorizationError("unmet_authentication_requirements", "Only aal1 and aal2 are known as acr_values.")
    scopes = client_scopes(client, request.scope)
    if not scopes:
        raise AuthorizationError("invalid_scope", "The client may ask for none of these scopes.")
    return Asked(client, scopes, bool(levels) and Acr.ONE_FACTOR not in levels)


def client_scopes(client: Client, scope: str) -> tuple[Scope, ...]:
    """Return what of the asked a client may have, and all of it where nothing is asked for (RFC 6749 §3.3)."""
    wanted = scope.split()
    return tuple(known for known in client.scopes if known in wanted or not wanted)


def unknown_scopes(client: Client, scope: str) -> list[str]:
    """Return what a client asks for and may not have."""
    return sorted(set(scope.split()).difference(client.scopes))


def fresh_ticket() -> str:
    """Return what stands for the user while they are asked."""
    return fresh_token("llt_")


def fresh_code() -> str:
    """Return an authorization code."""
    return fresh_token("llc_")


@dataclass(frozen=True)
class Grant:
    """What a user is asked to allow, or has allowed; `version` is of their authority when they signed in."""

    id: UUID
    user: UUID
    version: int
    client: UUID
    redirect_uri: str
    state: str
    scopes: tuple[Scope, ...]
    code_challenge: str
    acr: Acr
    methods: tuple[str, ...]
    authenticated_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    redeemed_at: datetime | None = None
    session: UUID | None = None

    def can_be_answered(self, account: Account | None, now: datetime) -> bool:
        """Tell whether its user may still be taken at their word."""
        return self.answered_at is None and self.holds_for(account, now)

    def holds_for(self, account: Account | None, now: datetime) -> bool:
        """Tell whether it is in time, and its user has the same authority as when they signed in."""
        is_same = account is not None and account.status is UserStatus.ACTIVE and account.version == self.version
        return is_same and now < self.expires_at

    def is_presented_by(self, client: Client, redirect_uri: str | None, verifier: str) -> bool:
        """Tell whether a code is presented by whom it was given to: the client, and who began with it (RFC 7636 §4.6).

        OAuth 2.1 has no redirect URI here; where one is sent it must be the one that was used (RFC 6749 §4.1.3).
        """
        is_theirs = client.id == self.client and redirect_uri in {None, self.redirect_uri}
        return is_theirs and proves(verifier, self.code_challenge)

    def authentication(self, account: Account) -> Authentication:
        """Return how its user was authenticated."""
        return Authentication(account, self.acr, self.methods, self.authenticated_at)


def proves(verifier: str, challenge: str) -> bool:
    """Tell whether a code verifier is the one that a challenge was made of, by S256 (RFC 7636 §4.2)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64url(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(made.encode(), challenge.encode())
