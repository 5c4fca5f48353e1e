"""Payments that wait for an analyst, and what analysts decide about them."""

from typing import Annotated, Literal

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, query
from contracts.money import Amount, Currency
from contracts.risk.assessments import FiredRule, RiskOutcome

REVIEWS_LIMIT = 100


class ReviewDecision(Message):
    """What an analyst has decided about a payment that was under review; it is a decision of the payment's case.

    `awaits_second_decision` tells that the amount takes two analysts and this was the first: the payment still waits.
    After the second one `outcome` is what follows from both: where they disagree, decline.
    """

    assessment_id: UUID7
    payment_intent_id: UUID7
    outcome: RiskOutcome
    decided_by: UUID7
    decided_at: AwareDatetime
    awaits_second_decision: Literal[True] | None = None


@command("risk", "decide_review", senders=("gateway",), answer=ReviewDecision)
class DecideReview(Message):
    """Let an analyst decide about a payment that risk put under review.

    `outcome` is approve or decline. Refused with `review_not_found`, `review_decided`, `review_canceled`,
    `outcome_invalid`, `case_claimed` (another analyst has the payment's case), `second_analyst_required`.
    """

    payment_intent_id: UUID7
    outcome: RiskOutcome
    decided_by: UUID7
    note: Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$")]
    idempotency: Idempotency


class Review(Message):
    """A payment that waits for an analyst: what was asked about it, and the rules that fired."""

    assessment_id: UUID7
    payment_intent_id: UUID7
    payer: UUID7
    source_wallet: UUID7 | None = None
    destination_wallet: UUID7 | None = None
    amount: Amount
    currency: Currency
    direction: str
    method: str
    rules: list[FiredRule]
    opened_at: AwareDatetime


class ReviewPage(Message):
    """Open reviews, newest first; `next_before` continues after the last one, and is None at the end."""

    reviews: list[Review]
    next_before: UUID7 | None = None


@query("risk", "list_reviews", senders=("gateway",), answer=ReviewPage)
class ListReviews(Message):
    """Read the payments that wait for an analyst, newest first, those whose assessment is older than `before`."""

    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=REVIEWS_LIMIT)] = 20
