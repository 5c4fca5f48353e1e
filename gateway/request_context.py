"""What the gateway knows of a request besides its body: its correlation, its trace, and who sends it."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import Scope as AsgiScope

from contracts.identity import Acr, Role, Scope
from contracts.ids import new_id
from gateway.problems import ProblemError
from gateway.server_timing import Timings

_KEY = "ledgerlink.context"
_SOUND_ID = re.compile(rb"[A-Za-z0-9._~:+/=-]{1,128}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an access token or API key speaks for, what it allows, and until when; instants are seconds since the epoch.

    `grant` is what it was issued for: a session, an API key, or an OAuth client of its own, whose id is then also the
    `user`. `version` is of the user's authority (a client has none). `acr` and `authenticated_at` say how and when the
    user logged in; a client and an API key never did. `jkt` names the key that the token is bound to (RFC 9449 §6.1).
    `client` is the id of the OAuth client to which it was issued; the API's own has none, nor has an API key.
    """

    user: UUID
    role: Role
    scopes: frozenset[str]
    expires_at: float
    client_id: str
    grant: UUID | None = None
    version: int | None = None
    acr: Acr | None = None
    authenticated_at: float | None = None
    jkt: str | None = None
    issued_at: float = 0.0
    client: UUID | None = None

    @property
    def sees_all(self) -> bool:
        """Whether the caller may look at what belongs to others."""
        return Scope.LEDGER_READ in self.scopes

    @property
    def moves_any_money(self) -> bool:
        """Whether the caller may move money that belongs to others."""
        return Scope.LEDGER_WRITE in self.scopes


@dataclass(slots=True)
class PresentedProofs:
    """The DPoP headers of a request, and the request that they have to be for; `jkt` is the key of the proven one."""

    headers: tuple[str, ...]
    method: str
    url: str
    jkt: str | None = None


@dataclass(slots=True)
class RequestContext:
    """One request; `denial` says why its token was not accepted, where it had one.

    `request_id` names this request alone, `correlation_id` all that belongs together for its client; they are the same
    where the client names one of them only. `traceparent` is of the request itself: what it causes follows it.
    """

    correlation_id: str
    traceparent: str | None
    authorization: str | None
    caller: Caller | None = None
    denial: ProblemError | None = None
    proofs: PresentedProofs | None = None
    request_id: str = ""
    timings: Timings = field(default_factory=Timings)


def open_context(scope: AsgiScope) -> RequestContext:
    """Read the headers that matter to every request. An id or trace that is not sound is replaced, not refused."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in {b"x-request-id", b"x-correlation-id", b"traceparent", b"authorization", b"dpop"}:
            found.setdefault(name, value)
    request_id = _sound(found.get(b"x-request-id")) or str(new_id())
    traceparent = found.get(b"traceparent", b"")
    authorization = found.get(b"authorization")
    context = RequestContext(
        correlation_id=_sound(found.get(b"x-correlation-id")) or request_id,
        request_id=request_id,
        traceparent=traceparent.decode() if _TRACEPARENT.fullmatch(traceparent) else None,
        authorization=authorization.decode("latin-1") if authorization is not None else None,
        proofs=_proofs(scope) if b"dpop" in found else None,
    )
    scope[_KEY] = context
    return context


def _sound(identifier: bytes | None) -> str | None:
    return identifier.decode() if identifier and _SOUND_ID.fullmatch(identifier) else None


def own_context() -> RequestContext:
    """Return the context of what the gateway asks for itself, on nobody's request."""
    return RequestContext(correlation_id=str(new_id()), traceparent=None, authorization=None)


def _proofs(scope: AsgiScope) -> PresentedProofs:
    headers = Headers(scope=scope)
    host = headers.get("host") or "{}:{}".format(*scope["server"])
    url = f"{scope['scheme']}://{host}{quote(scope['path'])}"
    return PresentedProofs(tuple(headers.getlist("dpop")), scope["method"], url)


def context_of(scope: AsgiScope) -> RequestContext:
    """Return the context that `open_context` made."""
    context: RequestContext = scope[_KEY]
    return context
