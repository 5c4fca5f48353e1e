"""What routes ask for in their signatures: parts, context, caller, and the headers of a command."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from pydantic import BaseModel
from starlette.requests import Request

from contracts.identity import Scope
from contracts.message import Idempotency
from gateway.challenges import insufficient_scope, scheme_of, token_required
from gateway.idempotency import checked_key, idempotency
from gateway.parts import Parts
from gateway.preferences import Preferences, preferences
from gateway.request_context import Caller, RequestContext, context_of


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def _context(request: Request) -> RequestContext:
    return context_of(request.scope)


class _AccessToken(SecurityBase):
    """Lets a caller pass whose token was accepted (see gateway.admission) and has the route's scopes."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="The `access_token` that POST /v1/sessions answers.")
        self.scheme_name = "accessToken"

    async def __call__(self, request: Request, required: SecurityScopes) -> Caller:
        context = context_of(request.scope)
        if context.caller is None:
            raise context.denial or token_required()
        for scope in required.scopes:
            check_scope(context.caller, scope)
        return context.caller


def check_scope(caller: Caller, scope: str) -> None:
    """Raise ProblemError `insufficient_scope` when a caller's token does not allow this."""
    if scope not in caller.scopes:
        raise insufficient_scope(scope, scheme=scheme_of(caller))


_TOKEN = _AccessToken()

PartsDep = Annotated[Parts, Depends(_parts)]
ContextDep = Annotated[RequestContext, Depends(_context)]
AnyCaller = Annotated[Caller, Security(_TOKEN)]
ProfileCaller = Annotated[Caller, Security(_TOKEN, scopes=[Scope.PROFILE.value])]
WalletsCaller = Annotated[Caller, Security(_TOKEN, scopes=[Scope.WALLETS.value])]
PaymentsCaller = Annotated[Caller, Security(_TOKEN, scopes=[Scope.PAYMENTS.value])]
MerchantCaller = Annotated[Caller, Security(_TOKEN, scopes=[Scope.MERCHANT.value])]
LedgerReader = Annotated[Caller, Security(_TOKEN, scopes=[Scope.LEDGER_READ.value])]
FundingCaller = Annotated[Caller, Security(_TOKEN, scopes=[Scope.LEDGER_WRITE.value])]
Reviewer = Annotated[Caller, Security(_TOKEN, scopes=[Scope.REVIEWS.value])]
RiskReader = Annotated[Caller, Security(_TOKEN, scopes=[Scope.RISK_READ.value])]
RiskWriter = Annotated[Caller, Security(_TOKEN, scopes=[Scope.RISK_WRITE.value])]
RiskApprover = Annotated[Caller, Security(_TOKEN, scopes=[Scope.RISK_APPROVE.value])]
UserManager = Annotated[Caller, Security(_TOKEN, scopes=[Scope.USERS.value])]
KeyManager = Annotated[Caller, Security(_TOKEN, scopes=[Scope.KEYS.value])]
Auditor = Annotated[Caller, Security(_TOKEN, scopes=[Scope.AUDIT.value])]


async def proof_of(
    request: Request,
    parts: PartsDep,
    proof: Annotated[
        str | None,
        Header(alias="DPoP", description="RFC 9449: a proof of the key that the token is to be bound to, if to any."),
    ] = None,
) -> str | None:
    """Return the thumbprint of the key that a request for a token proves to have, None when it brings no proof.

    Raises ProblemError `invalid_dpop_proof`.
    """
    presented = context_of(request.scope).proofs
    if proof is None or presented is None:
        return None
    return await parts.proofs.check(presented)


ProofDep = Annotated[str | None, Depends(proof_of)]


@dataclass(frozen=True, slots=True)
class CommandHeaders:
    """The headers of a request that becomes a command, and what its fingerprint is made of besides the body."""

    key: str
    preferences: Preferences
    request: Request

    def idempotency(self, user: UUID, operation: str, body: BaseModel | None = None) -> Idempotency:
        """Return the request's idempotency, for one user and operation."""
        return idempotency(user, operation, self.key, self.request.path_params, body)


async def _command_headers(
    request: Request,
    parts: PartsDep,
    idempotency_key: Annotated[
        str | None,
        Header(  # what it must be is said to readers only: checked_key answers with problems of its own
            alias="Idempotency-Key",
            description="Any new UUID; repeat it to repeat the request safely.",
            json_schema_extra={"minLength": 1, "maxLength": 255},
            examples=["5f0c7a52-8f0e-4a6a-9d0f-3f4f4c1d2e3b"],
        ),
    ] = None,
    prefer: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description="RFC 7240: `wait=N` waits up to N (at most 30) seconds for the outcome; `respond-async`, or "
            "`wait=0`, answers 202 as soon as the request is recorded.",
            examples=["wait=10"],
        ),
    ] = None,
) -> CommandHeaders:
    several = ", ".join(request.headers.getlist("prefer")) if prefer else None
    return CommandHeaders(checked_key(idempotency_key), preferences(several, parts.settings.wait_seconds), request)


CommandHeadersDep = Annotated[CommandHeaders, Depends(_command_headers)]
