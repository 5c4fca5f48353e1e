"""Settles payments that an answer at the deadline let through and the decision does not approve: their money counts.

It does so once, when both are known: that the money has moved, and what was decided. Nobody waits for it.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from prometheus_client import Counter

from apps.risk.domain.cases import Change, gone_through
from apps.risk.handlers import later_money
from apps.risk.handlers.hear_payments import MOVED_MONEY
from apps.risk.handlers.later_money import LaterMoney
from apps.risk.store import cases, decisions, reviews
from apps.risk.store import moved_payments as store
from apps.risk.store.moved_payments import Decided
from contracts.risk import CaseStatus, RiskOutcome
from outbox.database import Database
from outbox.transaction import Transaction, Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
POLL_SECONDS = 5.0
AT_ONCE = 200
MOVED = Counter(
    "ledgerlink_risk_moved_unapproved_total",
    "Payments whose money has moved by an answer at the deadline although risk decided otherwise, by what it decided",
    ["decided"],
)


class MovedMoney:
    """The worker's parts."""

    def __init__(self, database: Database, transactions: Transactions) -> None:
        self._database, self._transactions = database, transactions
        for outcome in (RiskOutcome.DECLINE, RiskOutcome.REVIEW):
            MOVED.labels(outcome.value)

    def worker(self) -> Worker:
        """Return the worker."""
        return Worker(MOVED_MONEY, self.settle, POLL_SECONDS)

    async def settle(self) -> bool:
        """Settle some; tell whether there may be more."""
        async with self._database.reads() as reads:
            if not await store.load_decided(reads, 1):
                return False
        async with self._transactions.begin() as tx:
            await decisions.take_turn(tx)
            decided = await store.load_decided(tx, AT_ONCE)
            unapproved = [one for one in decided if one.outcome is not RiskOutcome.APPROVE]
            await _count(tx, unapproved)
            await _explain(tx, unapproved)
            await store.settle(tx, decided)
        for one in unapproved:
            MOVED.labels(one.outcome.value).inc()
            _LOG.warning(
                "money has moved that risk did not approve",
                payment_intent=str(one.payment_intent_id),
                assessment=str(one.assessment_id),
                decided=one.outcome.value,
            )
        return len(decided) == AT_ONCE


async def _count(tx: Transaction, unapproved: Sequence[Decided]) -> None:
    known = await decisions.load_subjects(tx, {one.assessment_id for one in unapproved})
    money = [
        # What says that it is of the future would be what was seen last for as long as that.
        LaterMoney(
            one.payment_intent_id,
            replace(subject, amount=min(subject.amount, one.amount)),
            min(one.moved_at, tx.now),
        )
        for one in unapproved
        if (subject := known.get(one.assessment_id))
    ]
    await later_money.count(tx, money)


async def _explain(tx: Transaction, unapproved: Sequence[Decided]) -> None:
    """Close the cases of payments: nobody can stop them any more. Where somebody tried to, say that it was in vain."""
    found = await cases.lock(tx, {one.assessment_id for one in unapproved})
    changes = [gone_through(case, tx.now) for case in found.values()]
    made = [change for change in changes if isinstance(change, Change)]
    await cases.save(tx, made)
    await reviews.close(tx, {change.case.id for change in made if change.case.status is CaseStatus.CANCELED})
