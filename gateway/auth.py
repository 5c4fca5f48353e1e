"""Access tokens, checked here without asking anybody (RFC 6750, RFC 9068, RFC 9449), and API keys."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from jwt.exceptions import ExpiredSignatureError, InvalidTokenError

from contracts.identity import Acr, Role
from gateway.api_keys import ApiKeys, is_api_key
from gateway.challenges import Scheme, expired_token, invalid_token, revoked_token
from gateway.dpop import Proofs
from gateway.metrics import TOKEN_CHECKS
from gateway.problems import ProblemError
from gateway.request_context import Caller, PresentedProofs
from gateway.revocations import RevocationView
from gateway.signing_keys import SigningKeys

_LEEWAY_SECONDS = 5
_MAX_TOKEN_LENGTH = 4096
_REQUIRED = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "role", "sid"]
_NOT_OURS = "It is not one that this system issued."


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Which tokens are believed: whose, for whom, and for how long at most; how many verified ones are kept."""

    issuer: str
    audience: str
    most_seconds: float
    cache_size: int


class Tokens:
    """Verifies access tokens, keeps the verified ones until they expire, and knows when they end before that."""

    def __init__(
        self, rules: TokenRules, keys: SigningKeys, revocations: RevocationView, api_keys: ApiKeys, proofs: Proofs
    ) -> None:
        self._rules = rules
        self._keys, self._revocations = keys, revocations
        self._api_keys, self._proofs = api_keys, proofs
        self._verified: OrderedDict[str, Caller] = OrderedDict()

    async def caller(self, authorization: str, presented: PresentedProofs | None = None) -> Caller:
        """Return who an Authorization header speaks for; `presented` are the DPoP proofs that came with it.

        Raises ProblemError `invalid_token`, `invalid_dpop_proof`, `overloaded` or `unavailable`.
        """
        scheme, token = _split(authorization)
        if is_api_key(token):
            return await self._holder(scheme, token)
        caller = await self._owner(authorization, scheme, token)
        self._check_age()
        if self._revocations.has_ended(caller) or self._revocations.is_outdated(caller):
            raise revoked_token(scheme)
        if caller.jkt is not None:
            await self._proofs.check(presented, token, caller.jkt)
        return caller

    def have_to_ask(self, authorization: str | None) -> bool:
        """Whether identity has to be asked who an Authorization header speaks for, by an API key that is new here."""
        token = (authorization or "").partition(" ")[2].strip()
        return is_api_key(token) and not self._api_keys.is_known(token)

    def hold(self, caller: Caller) -> bool:
        """Whether the access of a caller goes on, for what lasts longer than a request."""
        view = self._revocations
        return not (view.is_stale or view.has_ended(caller) or view.is_outdated(caller))

    def _check_age(self) -> None:
        if self._revocations.is_stale:
            TOKEN_CHECKS.labels("unknown").inc()
            detail = "It cannot be told now which access tokens were revoked; send the request again in a moment."
            raise ProblemError("unavailable", detail)

    async def _holder(self, scheme: Scheme, key: str) -> Caller:
        """Return who an API key acts for, by the owner's authority of now."""
        if scheme is not Scheme.BEARER:
            raise invalid_token("Send an API key as `Authorization: Bearer <key>`.", scheme)
        caller = await self._api_keys.caller(key)
        self._check_age()
        if self._revocations.is_outdated(caller):
            self._api_keys.forget(key)
            caller = await self._api_keys.caller(key)
        if self._revocations.has_ended(caller) or self._revocations.is_outdated(caller):
            raise revoked_token(scheme)
        if caller.expires_at <= time.time():
            raise expired_token(scheme)
        return caller

    async def _owner(self, authorization: str, scheme: Scheme, token: str) -> Caller:
        """Return who a token speaks for, by itself: it may have been revoked."""
        caller = self._verified.get(authorization)
        if caller is None:
            caller = await self._verify(scheme, token)
            self._verified[authorization] = caller
            if len(self._verified) > self._rules.cache_size:
                self._verified.popitem(last=False)
        elif caller.expires_at <= time.time():
            del self._verified[authorization]
            raise expired_token(scheme)
        else:
            self._verified.move_to_end(authorization)
        return caller

    async def _verify(self, scheme: Scheme, token: str) -> Caller:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.key(str(header.get("kid")))
            if key is None or header.get("typ") != "at+jwt":
                raise invalid_token(_NOT_OURS, scheme)
            claims = self._claims(token, key)
            caller = _caller(claims)
        except ExpiredSignatureError:
            raise expired_token(scheme) from None
        except (InvalidTokenError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise invalid_token(_NOT_OURS, scheme) from error
        if claims["exp"] - claims["iat"] > self._rules.most_seconds:  # it would outlive what is known of revocations
            raise invalid_token("It holds for longer than tokens may here.", scheme)
        _check_scheme(scheme, caller)
        TOKEN_CHECKS.labels("verified").inc()
        return caller

    def _claims(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=self._rules.issuer,
            audience=self._rules.audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
        return claims


def _split(authorization: str) -> tuple[Scheme, str]:
    """Return the scheme and the token. Raises ProblemError `invalid_token`."""
    name, _, token = authorization.partition(" ")
    token = token.strip()
    scheme = next((scheme for scheme in Scheme if scheme.lower() == name.lower()), None)
    if scheme is None or not token or len(token) > _MAX_TOKEN_LENGTH:
        raise invalid_token("Send it as `Authorization: Bearer <token>`.")
    return scheme, token


def _check_scheme(scheme: Scheme, caller: Caller) -> None:
    """Refuse a bound token as a bearer's, and the reverse (RFC 9449 §7.1). Raises ProblemError `invalid_token`."""
    if caller.jkt is not None and scheme is Scheme.BEARER:
        detail = "It is bound to a key: send it as `Authorization: DPoP <token>`, with a proof."
        raise invalid_token(detail, Scheme.DPOP)
    if caller.jkt is None and scheme is Scheme.DPOP:
        raise invalid_token("It is bound to no key: send it as `Authorization: Bearer <token>`.")


def _caller(claims: Mapping[str, Any]) -> Caller:
    """Return who the claims speak for. Raises an error when they are not of the shapes that identity writes."""
    bound = claims.get("cnf")
    return Caller(
        user=UUID(claims["sub"]),
        role=Role(claims["role"]),
        scopes=frozenset(str(claims["scope"]).split()),
        expires_at=float(claims["exp"]) + _LEEWAY_SECONDS,
        client_id=str(claims["client_id"]),
        grant=UUID(claims["sid"]),
        version=int(claims["ver"]) if "ver" in claims else None,
        acr=Acr(claims["acr"]) if "acr" in claims else None,
        authenticated_at=float(claims["auth_time"]) if "auth_time" in claims else None,
        jkt=str(bound["jkt"]) if bound is not None else None,
        issued_at=float(claims["iat"]),
        client=_client(str(claims["client_id"])),
    )


def _client(client_id: str) -> UUID | None:
    try:
        return UUID(client_id)
    except ValueError:
        return None
