"""What follows from an analyst's verdict: it is kept, the money counts from now on, and who asked hears of it."""

from collections.abc import Sequence

from apps.risk.domain.review import Verdict, subject_of
from apps.risk.handlers import later_money
from apps.risk.handlers.decisions import decision_message
from apps.risk.handlers.later_money import LaterMoney
from apps.risk.store import decisions, reviews
from contracts.message import Envelope, Message
from contracts.risk import RiskOutcome
from outbox.transaction import Transaction


async def give(tx: Transaction, verdicts: Sequence[tuple[Verdict, Envelope[Message]]]) -> None:
    """Let verdicts take effect; each goes where the first decision went, because of its command.

    Who calls this has the turn (store.decisions).
    """
    given = [verdict for verdict, _ in verdicts]
    await reviews.save(tx, given)
    await _count_money(tx, [verdict for verdict in given if verdict.wish.outcome is RiskOutcome.APPROVE])
    for verdict, cause in verdicts:
        tx.say(decision_message(verdict.decision), cause, subject=verdict.review.subject)


async def _count_money(tx: Transaction, approved: Sequence[Verdict]) -> None:
    """Let money count from now on that an analyst has approved."""
    if not approved:
        return
    known = await decisions.load_subjects(tx, {verdict.review.assessment_id for verdict in approved})
    money = [
        LaterMoney(
            verdict.review.payment_intent_id,
            known.get(verdict.review.assessment_id) or subject_of(verdict.review),
            verdict.decided_at,
        )
        for verdict in approved
    ]
    await later_money.count(tx, money)
