"""Reviews: payments that risk does not decide alone, and what operators and analysts decide about them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.risk import REVIEWS_LIMIT, DecideReview, ListReviews, ReviewDecision, ReviewPage, RiskOutcome
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, Reviewer
from gateway.openapi import problems, success
from gateway.outcomes import DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import payment_intents
from gateway.routes.reconciliations import OPERATOR

PREFIX = "/v1/reviews"
router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["reviews"])

EXAMPLE: dict[str, Any] = {
    "assessment_id": "01990f3e-8d42-7e66-af77-7a88b99c0004",
    "payment_intent_id": payment_intents.EXAMPLE["id"],
    "payer": payment_intents.EXAMPLE["customer"],
    "source_wallet": payment_intents.EXAMPLE["source_wallet"],
    "destination_wallet": payment_intents.EXAMPLE["destination_wallet"],
    "amount": 600000,
    "currency": "EUR",
    "direction": "payment",
    "method": "wallet",
    "rules": [{"name": "large_amount", "reason": "The amount is above 5,000.00 EUR."}],
    "opened_at": "2026-01-05T09:32:00.004000Z",
}
DECISION_EXAMPLE: dict[str, Any] = {
    "assessment_id": EXAMPLE["assessment_id"],
    "payment_intent_id": EXAMPLE["payment_intent_id"],
    "outcome": "approve",
    "decided_by": OPERATOR,
    "decided_at": "2026-01-05T10:15:00.000000Z",
}
_UNKNOWN = {"review_not_found": "No payment intent with this id was under review."}
_DECIDED = {"review_decided": "The review has been decided already."}
_OF_THE_CASE = {
    "review_canceled": "The payment was canceled, or has gone through: there is nothing to decide any more.",
    "own_account": "Nobody decides about their own payment or their own name.",
    "case_claimed": "Another analyst has this case in hand.",
    "second_analyst_required": "You have decided about this case; another analyst has to decide too.",
}


class NewDecision(Body):
    """Whether the payment goes on, and why."""

    outcome: Annotated[Literal["approve", "decline"], Field(examples=["approve"])]
    note: Annotated[
        str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$", examples=["Called the customer back"])
    ]


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List open reviews (operators, analysts)",
    responses={
        DONE: success(ReviewPage, "Open reviews, newest first", {"reviews": [EXAMPLE], "next_before": None}),
        **problems(asks="risk", scope=Scope.REVIEWS),
    },
)
async def list_reviews(
    _caller: Reviewer,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=REVIEWS_LIMIT)] = 20,
) -> Response:
    """List the payments that wait for an analyst, and which rules spoke against each."""
    query = ListReviews.model_construct(before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.post(
    "/{payment_intent_id}/decision",
    response_model=None,
    summary="Decide a review (operators, analysts)",
    responses={
        DONE: success(ReviewDecision, "Decided: the payment goes on, or is declined", DECISION_EXAMPLE),
        **problems(
            _UNKNOWN | _DECIDED | _OF_THE_CASE,
            scope=Scope.REVIEWS,
            wrong_body=("body/outcome", "Input should be 'approve' or 'decline'"),
            command=True,
            cards=True,
        ),
    },
)
async def decide_review(
    payment_intent_id: UUID,
    body: NewDecision,
    caller: Reviewer,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Approve or decline a payment that is under review, once. Who decided, when and why is kept.

    It is a decision of the payment's case (`/v1/cases`): above an amount (`RISK_FOUR_EYES_AMOUNT`) a second, different
    analyst has to decide too; until then the answer has `awaits_second_decision`, and the payment still waits.
    """
    if not is_ours(payment_intent_id):
        raise ProblemError("review_not_found", _UNKNOWN["review_not_found"], parameter="payment_intent_id")
    command = DecideReview.model_construct(
        payment_intent_id=payment_intent_id,
        outcome=RiskOutcome(body.outcome),
        decided_by=caller.user,
        note=body.note,
        idempotency=headers.idempotency(caller.user, "decide_review", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)
