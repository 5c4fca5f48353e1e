"""What a request is told that lacks a token, or whose token does not do: 401 and 403 with a challenge (RFC 6750 §3)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from contracts.identity import Acr
from gateway.metrics import TOKEN_CHECKS
from gateway.problems import ProblemError
from gateway.request_context import Caller

ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
"""The algorithms that proofs are signed with (RFC 9449 §5.1, dpop_signing_alg_values_supported)."""
_REALM = 'realm="ledgerlink"'


class Scheme(StrEnum):
    """How a token is sent: by whoever has it, or with a proof of the key that it is bound to (RFC 9449 §7.1)."""

    BEARER = "Bearer"
    DPOP = "DPoP"

    def challenge(self, **parameters: str) -> str:
        """Return a value of WWW-Authenticate (RFC 9110 §11.6.1)."""
        if self is Scheme.DPOP:
            parameters["algs"] = " ".join(ALGORITHMS)
        return ", ".join([f"{self} {_REALM}", *(f'{name}="{value}"' for name, value in parameters.items())])


def invalid_token(detail: str, scheme: Scheme = Scheme.BEARER) -> ProblemError:
    """Return the answer to a token that is not one of ours, or holds no longer; `detail` says which."""
    TOKEN_CHECKS.labels("refused").inc()
    return _unauthorized(
        "invalid_token", f"The access token is not valid. {detail}", scheme.challenge(error="invalid_token")
    )


def expired_token(scheme: Scheme) -> ProblemError:
    """Return the answer to a token whose time is over."""
    TOKEN_CHECKS.labels("expired").inc()
    challenge = scheme.challenge(error="invalid_token", error_description="The access token expired")
    detail = "The access token has expired; get a new one with POST /v1/sessions."
    return _unauthorized("invalid_token", detail, challenge)


def revoked_token(scheme: Scheme) -> ProblemError:
    """Return the answer to a token whose session, key or authority has ended before its time."""
    TOKEN_CHECKS.labels("revoked").inc()
    challenge = scheme.challenge(error="invalid_token", error_description="The access token was revoked")
    return _unauthorized("invalid_token", "The access token was revoked; log in again.", challenge)


def scheme_of(caller: Caller) -> Scheme:
    """Return how the caller's token is sent."""
    return Scheme.DPOP if caller.jkt is not None else Scheme.BEARER


def token_required() -> ProblemError:
    """Return the answer to a request that lacks a token."""
    detail = "Send an access token as `Authorization: Bearer <token>`; POST /v1/sessions gives one."
    return _unauthorized("token_required", detail, Scheme.BEARER.challenge())


def invalid_proof(detail: str) -> ProblemError:
    """Return the answer to a proof that does not prove what it has to (RFC 9449 §7.1); `detail` says why."""
    TOKEN_CHECKS.labels("unproven").inc()
    detail = f"The DPoP proof is not valid. {detail}"
    return _unauthorized("invalid_dpop_proof", detail, Scheme.DPOP.challenge(error="invalid_dpop_proof"))


def insufficient_scope(scope: str, what: str = "This", scheme: Scheme = Scheme.BEARER) -> ProblemError:
    """Return the answer to a token that lacks a scope (RFC 6750 §3.1), and `what` needs it."""
    challenge = scheme.challenge(error="insufficient_scope", scope=scope)
    detail = f"{what} needs an access token with the scope `{scope}`."
    return ProblemError("insufficient_scope", detail, headers={"WWW-Authenticate": challenge})


def insufficient_authentication(
    detail: str,
    max_age: int | None,
    acr: Acr | None,
    scheme: Scheme = Scheme.BEARER,
    resource: Mapping[str, Any] | None = None,
) -> ProblemError:
    """Return the answer to a user who has to authenticate again (RFC 9470 §3): so lately, and so surely.

    `resource` are members of the problem: what waits for that.
    """
    wanted = {"max_age": str(max_age)} if max_age is not None else {}
    wanted |= {"acr_values": acr.value} if acr is not None else {}
    code = "insufficient_user_authentication"
    challenge = scheme.challenge(error=code, error_description=detail, **wanted)
    return ProblemError(code, detail, headers={"WWW-Authenticate": challenge}, members=resource)


def _unauthorized(code: str, detail: str, challenge: str) -> ProblemError:
    return ProblemError(code, detail, headers={"WWW-Authenticate": challenge})
