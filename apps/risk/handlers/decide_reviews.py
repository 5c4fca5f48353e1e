"""Let analysts decide about payments under review; the decision goes where the first one went."""

from collections.abc import Sequence

from apps.risk.domain.review import ReviewRefusal, Verdict, Wish, approved_money, decide_reviews
from apps.risk.handlers.decisions import decision_message
from apps.risk.store import assessments, reviews
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import DecideReview, ReviewDecision
from outbox.transaction import Transaction

_PARAMETERS = {
    ReviewRefusal.OUTCOME_INVALID: "outcome",
    ReviewRefusal.REVIEW_NOT_FOUND: "payment_intent_id",
    ReviewRefusal.REVIEW_DECIDED: "payment_intent_id",
}


async def decide(tx: Transaction, commands: Sequence[Envelope[DecideReview]]) -> None:
    """Decide each review, or refuse to, in order; each is decided once."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await assessments.take_turn(tx)
    wishes = [_wish_of(command.data) for command in accepted]
    known = await reviews.load_newest(tx, {wish.payment_intent_id for wish in wishes})
    outcomes = decide_reviews(known, wishes, tx.now)
    verdicts = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
    await reviews.save(tx, verdicts, approved_money(verdicts))
    for command, outcome in zip(accepted, outcomes, strict=True):
        _tell(tx, command, outcome)


def _wish_of(command: DecideReview) -> Wish:
    return Wish(command.payment_intent_id, command.outcome, command.decided_by, command.note)


def _tell(tx: Transaction, command: Envelope[DecideReview], outcome: Verdict | ReviewRefusal) -> None:
    if isinstance(outcome, ReviewRefusal):
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter=_PARAMETERS[outcome])
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
        return
    tx.say(decision_message(outcome.decision), command, subject=outcome.review.subject)
    decided = ReviewDecision(
        assessment_id=outcome.review.assessment_id,
        payment_intent_id=outcome.review.payment_intent_id,
        outcome=outcome.wish.outcome,
        decided_by=outcome.wish.decided_by,
        decided_at=outcome.decided_at,
    )
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=decided.model_dump(mode="json")))
