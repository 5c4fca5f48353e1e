"""Decide about payments; the decision goes to the reply subject that the request names."""

from collections.abc import Sequence

from apps.risk.domain.assessment import Assessment, decide
from apps.risk.domain.rules import Rule
from apps.risk.handlers.decisions import decision_message
from apps.risk.store import assessments as store
from contracts.message import Envelope
from contracts.risk import Assess, RiskDecision
from contracts.topology import SERVICES
from outbox.transaction import Transaction

_REPLY_SUBJECTS = frozenset(RiskDecision.contract.subject.replace("*", service) for service in SERVICES)


async def assess(rules: Sequence[Rule], tx: Transaction, commands: Sequence[Envelope[Assess]]) -> None:
    """Decide about each payment in order. Raises ValueError for a request whose answer has nowhere to go."""
    assessments = [_assessment_of(command) for command in commands]
    await store.take_turn(tx)
    known = await store.load_decisions(tx, {a.id for a in assessments})
    recorded = await store.load_seen(tx, {a.bucket for a in assessments if a.id not in known})
    decided = decide(rules, recorded, known, assessments, tx.now)
    await store.save(tx, decided)
    for command, assessment, decision in zip(commands, assessments, decided.decisions, strict=True):
        tx.say(decision_message(decision), command, subject=assessment.subject)


def _reply_subject(command: Envelope[Assess]) -> str:
    if command.replyto not in _REPLY_SUBJECTS:
        raise ValueError(f"replyto must be risk.decisions.<service>, not {command.replyto!r}")
    return command.replyto


def _assessment_of(command: Envelope[Assess]) -> Assessment:
    asked = command.data
    return Assessment(
        id=asked.assessment_id,
        payment_intent_id=asked.payment_intent_id,
        payer=asked.payer,
        amount=asked.amount,
        currency=asked.currency,
        asked_at=command.time,
        subject=_reply_subject(command),
        source_wallet=asked.source_wallet,
        destination_wallet=asked.destination_wallet,
        direction=asked.direction,
        method=asked.method,
        authenticated_at=asked.authenticated_at,
    )
