"""Access tokens, checked here without asking anybody (RFC 6750, RFC 9068)."""

import time
from collections import OrderedDict
from typing import Any
from uuid import UUID

import jwt
from jwt.exceptions import ExpiredSignatureError, InvalidTokenError

from contracts.identity import Acr, Role
from gateway.metrics import TOKEN_CHECKS
from gateway.problems import ProblemError
from gateway.request_context import Caller
from gateway.signing_keys import SigningKeys

_REALM = 'Bearer realm="ledgerlink"'
_LEEWAY_SECONDS = 5
_MAX_TOKEN_LENGTH = 4096
_REQUIRED = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "role", "sid"]


class Tokens:
    """Verifies bearer tokens, and keeps the verified ones until they expire, a bounded number of them."""

    def __init__(self, keys: SigningKeys, issuer: str, audience: str, cache_size: int) -> None:
        self._keys = keys
        self._issuer, self._audience = issuer, audience
        self._size = cache_size
        self._verified: OrderedDict[str, Caller] = OrderedDict()

    async def caller(self, authorization: str) -> Caller:
        """Return who an Authorization header speaks for. Raises ProblemError `invalid_token` or `unavailable`."""
        caller = self._verified.get(authorization)
        if caller is None:
            caller = await self._verify(authorization)
            self._verified[authorization] = caller
            if len(self._verified) > self._size:
                self._verified.popitem(last=False)
        elif caller.expires_at <= time.time():
            del self._verified[authorization]
            raise _expired()
        else:
            self._verified.move_to_end(authorization)
        return caller

    async def _verify(self, authorization: str) -> Caller:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_LENGTH:
            raise _invalid("Send it as `Authorization: Bearer <token>`.")
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.key(str(header.get("kid")))
            if key is None or header.get("typ") != "at+jwt":
                raise _invalid("It is not one that this system issued.")
            caller = _caller(self._claims(token, key))
        except ExpiredSignatureError:
            raise _expired() from None
        except (InvalidTokenError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise _invalid("It is not one that this system issued.") from error
        TOKEN_CHECKS.labels("verified").inc()
        return caller

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=self._issuer,
            audience=self._audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )


def _caller(claims: dict[str, Any]) -> Caller:
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
    )


def _invalid(detail: str) -> ProblemError:
    TOKEN_CHECKS.labels("refused").inc()
    challenge = f'{_REALM}, error="invalid_token"'
    detail = f"The access token is not valid. {detail}"
    return ProblemError("invalid_token", detail, headers={"WWW-Authenticate": challenge})


def _expired() -> ProblemError:
    TOKEN_CHECKS.labels("expired").inc()
    challenge = f'{_REALM}, error="invalid_token", error_description="The access token expired"'
    detail = "The access token has expired; get a new one with POST /v1/sessions."
    return ProblemError("invalid_token", detail, headers={"WWW-Authenticate": challenge})


def token_required() -> ProblemError:
    """Return the answer to a request that lacks a token."""
    detail = "Send an access token as `Authorization: Bearer <token>`; POST /v1/sessions gives one."
    return ProblemError("token_required", detail, headers={"WWW-Authenticate": _REALM})


def insufficient_scope(scope: str, what: str = "This") -> ProblemError:
    """Return the answer to a token that lacks a scope (RFC 6750 §3.1), and `what` needs it."""
    challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
    detail = f"{what} needs an access token with the scope `{scope}`."
    return ProblemError("insufficient_scope", detail, headers={"WWW-Authenticate": challenge})
