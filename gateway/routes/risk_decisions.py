"""Risk's decisions: what was asked, what was seen of it, what was decided and why."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, BaseModel, ConfigDict, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import DECISIONS_LIMIT, DecisionPage, DecisionRecord, GetDecision, ListDecisions, RiskOutcome
from gateway.accounts import is_ours
from gateway.dependencies import ContextDep, PartsDep, RiskReader
from gateway.instants import Instant
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.routes import payment_intents

PREFIX = "/v1/risk/decisions"
router = APIRouter(prefix=PREFIX, tags=["risk"])

EXAMPLE: dict[str, Any] = {
    "assessment_id": "01990f3e-8d42-7e66-af77-7a88b99c0004",
    "payment_intent_id": payment_intents.EXAMPLE["id"],
    "payer": payment_intents.EXAMPLE["customer"],
    "outcome": "decline",
    "step_up": False,
    "score": 100,
    "reason_codes": ["amount_limit"],
    "rules": [
        {
            "name": "amount_limit",
            "reason": "12,000.00 EUR at once is above 10,000.00 EUR.",
            "action": "block",
            "code": "amount_limit",
        }
    ],
    "approvable_amount": 800000,
    "decided_at": "2026-01-05T09:32:00.004000Z",
    "amount": 1200000,
    "currency": "EUR",
    "direction": "payment",
    "method": "wallet",
    "asked_at": "2026-01-05T09:32:00.001000Z",
    "rule_set": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "contributions": [],
    "microseconds": 310,
}
_UNKNOWN = {"decision_not_found": "There is no decision about an assessment with this id."}


class DecisionFilters(BaseModel):
    """What the listed decisions must be, all of it; and which page of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payer: Annotated[UUID7 | None, Field(description="Of this user's payments")] = None
    payment_intent_id: UUID7 | None = None
    outcome: RiskOutcome | None = None
    since: Annotated[Instant | None, Field(description="Asked for at this time or later")] = None
    until: Annotated[Instant | None, Field(description="Asked for before this time")] = None
    before: Annotated[UUID7 | None, Field(description="`next_before` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=DECISIONS_LIMIT)] = 20


@router.get(
    "",
    response_model=None,
    summary="List decisions (operators, analysts, administrators)",
    responses={
        DONE: success(DecisionPage, "Decisions, newest first", {"decisions": [EXAMPLE], "next_before": None}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_decisions(
    _caller: RiskReader, parts: PartsDep, context: ContextDep, filters: Annotated[DecisionFilters, Query()]
) -> Response:
    """List decisions with the rules that fired, without the values that they saw."""
    query = ListDecisions.model_construct(**filters.model_dump())
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{assessment_id}",
    response_model=None,
    summary="Read a decision (operators, analysts, administrators)",
    responses={
        DONE: success(
            DecisionRecord, "The decision, and the value of every feature", EXAMPLE | {"values": {"amount": 1200000}}
        ),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_decision(assessment_id: UUID, _caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Read one decision whole; `ledgerlink risk replay` makes it again from these values."""
    if not is_ours(assessment_id):
        raise ProblemError("decision_not_found", _UNKNOWN["decision_not_found"], parameter="assessment_id")
    query = GetDecision.model_construct(assessment_id=assessment_id)
    return json_response(await parts.queries.ask(query, context))
