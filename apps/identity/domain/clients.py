"""OAuth clients: which can be registered, and which redirect URI of an authorization request is one of theirs.

A client acts in a user's name, or in its own, and never gets more than a service may (GRANTED of Role.SERVICE): with
`profile` an app of others could remove the second factor of whoever agreed to it.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from apps.identity.domain.secret_tokens import fresh_token, token_hash
from contracts.identity import FIRST_PARTY_CLIENT, GRANTED, GrantType, OAuthClient, Role, Scope

POSSIBLE_SCOPES = GRANTED[Role.SERVICE]
"""What a client may be registered for."""
LONGEST_URI = 500
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)*{_LABEL}")
_PRINTABLE = re.compile(r"[!-~]+")
_NOT_IN_A_URI = frozenset('"<>\\^`{|}')
_LOOPBACK = ("127.0.0.1", "::1")
_NOBODYS = token_hash("")


class ClientNotPossibleError(ValueError):
    """What is asked for makes no client; `parameter` is the part that is wrong, the text says why."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class RedirectUriNotValidError(ValueError):
    """Nobody can be sent to this URI safely; the text says why."""


@dataclass(frozen=True)
class Client:
    """A client that holds. The API's own has neither `id` nor owner, and is public.

    `secret_hash` is None for a public client: anybody can say that they are it, so what it proves is nothing.
    """

    client_id: str
    name: str
    grant_types: tuple[GrantType, ...]
    scopes: tuple[Scope, ...]
    redirect_uris: tuple[str, ...] = ()
    id: UUID | None = None
    owner: UUID | None = None
    secret_hash: bytes | None = field(default=None, repr=False)
    created_at: datetime | None = None

    @property
    def is_confidential(self) -> bool:
        """Whether it has a secret to prove who it is."""
        return self.secret_hash is not None

    def may(self, grant_type: GrantType) -> bool:
        """Tell whether it may get tokens in this way."""
        return grant_type in self.grant_types

    def accepts(self, secret: str | None) -> bool:
        """Tell whether this secret, or none, is what it authenticates itself with; in constant time."""
        presented = token_hash(secret or "")
        matches = hmac.compare_digest(presented, self.secret_hash or _NOBODYS)
        return matches and (secret is not None) is self.is_confidential

    def redirects_to(self, uri: str) -> bool:
        """Tell whether a URI is registered: by comparing texts (RFC 9700 §2.1), save the port of a loopback address.

        A native app listens at whatever port is free (RFC 8252 §7.3); it is public, as it can keep no secret.
        """
        if uri in self.redirect_uris:
            return True
        if self.is_confidential or not _is_valid(uri):
            return False
        portless = _without_port(uri)
        return any(portless == _without_port(known) for known in self.redirect_uris if _is_loopback(urlsplit(known)))

    @property
    def shown(self) -> OAuthClient:
        """The client as its owner sees it. Raises ValueError for the API's own, which has none."""
        if self.id is None or self.created_at is None:
            raise ValueError("the API's own client has no owner")
        return OAuthClient(
            id=self.id,
            name=self.name,
            confidential=self.is_confidential,
            redirect_uris=list(self.redirect_uris),
            grant_types=list(self.grant_types),
            scopes=list(self.scopes),
            created_at=self.created_at,
        )


FIRST_PARTY = Client(
    client_id=FIRST_PARTY_CLIENT,
    name="LedgerLink",
    grant_types=(GrantType.REFRESH_TOKEN,),
    scopes=tuple(Scope),
)
"""The client of those who log in at the API itself."""


def fresh_secret() -> str:
    """Return a client secret of 256 random bits."""
    return fresh_token("lls_")


def check_name(name: str) -> None:
    """Let a name pass that looks like what it is, also on the page of consent. Raises ClientNotPossibleError."""
    if not name.isprintable() or name != name.strip():
        raise ClientNotPossibleError("name", "A name has no invisible characters, nor spaces around it.")


def check_possible(
    confidential: bool, grant_types: Iterable[GrantType], redirect_uris: Sequence[str], scopes: Iterable[Scope]
) -> None:
    """Let a client pass that can be registered. Raises ClientNotPossibleError, RedirectUriNotValidError."""
    grants = set(grant_types)
    with_code = GrantType.AUTHORIZATION_CODE in grants
    if GrantType.CLIENT_CREDENTIALS in grants and not confidential:
        raise ClientNotPossibleError("grant_types", "A client without a secret cannot act for itself.")
    if GrantType.REFRESH_TOKEN in grants and not with_code:
        raise ClientNotPossibleError("grant_types", "Refresh tokens come with the grant `authorization_code` only.")
    if with_code is not bool(redirect_uris):
        raise ClientNotPossibleError("redirect_uris", "`authorization_code` needs a redirect URI, and only that does.")
    if beyond := set(scopes).difference(POSSIBLE_SCOPES):
        raise ClientNotPossibleError("scopes", f"No client gets {', '.join(sorted(beyond))}.")
    for uri in redirect_uris:
        check_redirect_uri(uri)


def check_redirect_uri(uri: str) -> None:
    """Let a redirect URI pass that codes may be sent to (RFC 6749 §3.1.2, RFC 8252 §7).

    Raises RedirectUriNotValidError.
    """
    if len(uri) > LONGEST_URI or not _PRINTABLE.fullmatch(uri) or _NOT_IN_A_URI.intersection(uri):
        raise RedirectUriNotValidError(f"It must be a URI of at most {LONGEST_URI} ASCII characters.")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise RedirectUriNotValidError("It is not a URI.") from None
    if "#" in uri:
        raise RedirectUriNotValidError("It must have no fragment.")
    if not _is_ordinary(parts):
        raise RedirectUriNotValidError(
            "Its host must be written in lower-case letters, digits, dots and hyphens, without a user."
        )
    if parts.scheme != "https" and not _is_loopback(parts):
        raise RedirectUriNotValidError("It must be https, or http at 127.0.0.1 or [::1].")


def _is_valid(uri: str) -> bool:
    try:
        check_redirect_uri(uri)
    except RedirectUriNotValidError:
        return False
    return True


def _is_ordinary(parts: SplitResult) -> bool:
    """Tell whether the authority is a host in its usual spelling, so that it means the same to every reader of it."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    if parts.netloc != (host if parts.port is None else f"{host}:{parts.port}"):
        return False
    return host == "[::1]" or _HOST.fullmatch(host) is not None


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _without_port(uri: str) -> SplitResult:
    """Return what of a loopback URI has to be the same. The URI is a valid one."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.hostname or "")
