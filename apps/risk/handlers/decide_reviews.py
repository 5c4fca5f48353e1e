"""Let analysts decide about payments under review: a decision of the payment's case that takes no claim."""

from collections.abc import Sequence

from apps.risk.domain.cases import CaseRefusal
from apps.risk.domain.review import ReviewRefusal, Ruled, Wish, decide_reviews
from apps.risk.handlers import verdicts
from apps.risk.store import cases, decisions, reviews
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import DecideReview, ReviewDecision
from outbox.transaction import Transaction


async def decide(tx: Transaction, commands: Sequence[Envelope[DecideReview]]) -> None:
    """Decide each review, or refuse to, in order; each is decided once, where the amount asks for it by two."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await decisions.take_turn(tx)
    wishes = [_wish_of(command.data) for command in accepted]
    known = await reviews.load_newest(tx, {wish.payment_intent_id for wish in wishes})
    theirs = await cases.lock(tx, {review.assessment_id for review in known.values()})
    outcomes = decide_reviews(known, theirs, wishes, tx.now)
    ruled = [(o, command) for o, command in zip(outcomes, accepted, strict=True) if isinstance(o, Ruled)]
    await cases.save(tx, [outcome.change for outcome, _ in ruled])
    await verdicts.give(tx, [(outcome.verdict, command) for outcome, command in ruled if outcome.verdict])
    for command, outcome in zip(accepted, outcomes, strict=True):
        _answer(tx, command, outcome)


def _wish_of(command: DecideReview) -> Wish:
    return Wish(command.payment_intent_id, command.outcome, command.decided_by, command.note)


def _answer(tx: Transaction, command: Envelope[DecideReview], outcome: Ruled | ReviewRefusal | CaseRefusal) -> None:
    if not isinstance(outcome, Ruled):
        parameter = "outcome" if outcome is ReviewRefusal.OUTCOME_INVALID else "payment_intent_id"
        problem = Problem(code=outcome.value, detail=outcome.detail, parameter=parameter)
        tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
        return
    case = outcome.change.case
    decided = ReviewDecision(
        assessment_id=outcome.review.assessment_id,
        payment_intent_id=outcome.review.payment_intent_id,
        outcome=case.outcome or outcome.wish.outcome,
        decided_by=outcome.wish.decided_by,
        decided_at=outcome.change.event.at,
        awaits_second_decision=None if case.is_closed else True,
    )
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=decided.model_dump(mode="json", exclude_none=True)))
