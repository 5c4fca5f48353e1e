"""What follows from an analyst's verdict: it is kept, the money counts from now on, and who asked hears of it."""

from collections.abc import Sequence

from apps.risk.domain.features.computing import approve_later
from apps.risk.domain.features.entities import Subject, entities_of
from apps.risk.domain.limits import Counted, day_of
from apps.risk.domain.review import Verdict, subject_of
from apps.risk.handlers.decisions import decision_message
from apps.risk.store import decisions, feature_states, limits, reviews
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
    """Let money count from now on that an analyst has approved; it was an attempt when it was asked for."""
    if not approved:
        return
    known = await decisions.load_subjects(tx, {verdict.review.assessment_id for verdict in approved})
    subjects = [known.get(v.review.assessment_id) or subject_of(v.review) for v in approved]
    states = await feature_states.load(tx, {entity for subject in subjects for entity in entities_of(subject)})
    for subject, verdict in zip(subjects, approved, strict=True):
        approve_later(states, subject, verdict.decided_at)
    await feature_states.save(tx, states)
    await limits.count(tx, [_counted(s, v) for s, v in zip(subjects, approved, strict=True)])


def _counted(subject: Subject, verdict: Verdict) -> Counted:
    day = day_of(verdict.decided_at)
    payment = verdict.review.payment_intent_id
    return Counted(payment, subject.assessment_id, subject.payer, subject.currency, subject.amount, day)
