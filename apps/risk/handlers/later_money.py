"""Money that counts from later than its decision on: an analyst has approved it, or it had moved before."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from apps.risk.domain.features.computing import approve_later
from apps.risk.domain.features.entities import Subject, entities_of
from apps.risk.domain.limits import Counted, day_of
from apps.risk.store import feature_states, limits
from outbox.transaction import Transaction


class LaterMoney(NamedTuple):
    """A payment whose money moves `at` then, whenever it was asked for."""

    payment_intent_id: UUID
    subject: Subject
    at: datetime


async def count(tx: Transaction, money: Sequence[LaterMoney]) -> None:
    """Count it in features and against limits; it was an attempt when it was asked for.

    Who calls this has the turn (store.decisions).
    """
    if not money:
        return
    states = await feature_states.load(tx, {entity for one in money for entity in entities_of(one.subject)})
    for one in money:
        approve_later(states, one.subject, one.at)
    await feature_states.save(tx, states)
    await limits.count(tx, [_counted(one) for one in money])


def _counted(money: LaterMoney) -> Counted:
    subject = money.subject
    day = day_of(money.at)
    return Counted(money.payment_intent_id, subject.assessment_id, subject.payer, subject.currency, subject.amount, day)
