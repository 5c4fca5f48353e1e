"""Messages of the risk service."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, decision, query
from contracts.money import Amount, Currency
from contracts.outcomes import KeptOutcome, OutcomeAsked

REVIEWS_LIMIT = 100
AUTHENTICATION_REQUIRED = "authentication_required"
"""The rule that declines a payment until its payer has proven again who they are (RFC 9470)."""


class RiskOutcome(StrEnum):
    """What risk says about a payment; after `review` a second decision follows, when an analyst has decided."""

    APPROVE = "approve"
    DECLINE = "decline"
    REVIEW = "review"


@command("risk", "assess", senders=("payments",))
class Assess(Message):
    """Decide about a payment. The decision goes to the envelope's `replyto`: `risk.decisions.<requester>`.

    `authenticated_at` is when the payer last proved who they are, where a person asked for the payment.
    """

    assessment_id: UUID7
    payment_intent_id: UUID7
    payer: UUID7
    source_wallet: UUID7 | None = None
    destination_wallet: UUID7 | None = None
    amount: Amount
    currency: Currency
    direction: Annotated[str, Field(max_length=40, description="As in the payment intent")] = "payment"
    method: Annotated[str, Field(max_length=40, description="The type of the payment method")] = "wallet"
    authenticated_at: AwareDatetime | None = None


class FiredRule(Message):
    """A rule that spoke against the payment, and the values it saw."""

    name: str
    reason: str


@decision("risk", "decision")
class RiskDecision(Message):
    """The outcome of an assessment; `rules` names each rule that fired, in the order of the rule set."""

    assessment_id: UUID7
    payment_intent_id: UUID7
    outcome: RiskOutcome
    rules: list[FiredRule]
    decided_at: AwareDatetime


class ReviewDecision(Message):
    """What an analyst has decided about a payment that was under review."""

    assessment_id: UUID7
    payment_intent_id: UUID7
    outcome: RiskOutcome
    decided_by: UUID7
    decided_at: AwareDatetime


@command("risk", "decide_review", senders=("gateway",), answer=ReviewDecision)
class DecideReview(Message):
    """Let an analyst decide about a payment that risk put under review.

    `outcome` is approve or decline. Refused with `review_not_found`, `review_decided`, `outcome_invalid`.
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


@query("risk", "get_outcome", senders=("gateway",), answer=KeptOutcome)
class GetOutcome(OutcomeAsked):
    """Read what has become of a command to risk by its Idempotency-Key.

    Refused with `operation_not_found`, `idempotency_key_reused`.
    """
