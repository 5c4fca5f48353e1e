"""What is known of payments beside what was seen of them: accounts, lists, screenings, limits. One query for each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from apps.risk.domain.assessing import Assessment
from apps.risk.domain.features.computing import Context
from apps.risk.domain.limits import day_of, left_after
from apps.risk.domain.lists import Listed
from apps.risk.domain.screening.standing import Standing as Screened
from apps.risk.store import limits, lists
from apps.risk.store.limits import Account, Standing
from contracts.money import minor_unit_exponents
from outbox.transaction import Transaction

ScreenBeneficiaries = Callable[[Transaction, Sequence[Assessment]], Awaitable[Mapping[UUID, Screened]]]
"""Tells where the beneficiaries of payouts stand, by assessment id; those who are not screened are missing."""


async def nobody_is_screened(_tx: Transaction, _assessments: Sequence[Assessment]) -> Mapping[UUID, Screened]:
    """Screen nobody, as where there are no sanctions lists."""
    return {}


async def load_contexts(
    tx: Transaction, assessments: Sequence[Assessment], screen: ScreenBeneficiaries = nobody_is_screened
) -> dict[UUID, Context]:
    """Return what is known of each payment, by assessment id."""
    if not assessments:
        return {}
    contexts = await _load_standings(tx, assessments)
    listed = await lists.load_listed(tx, [assessment.subject for assessment in assessments])
    beneficiaries = await screen(tx, assessments)
    return {
        a.id: replace(
            contexts[a.id],
            listed_allow=(on := listed.get(a.id, Listed())).allow,
            listed_deny=on.deny,
            listed_watch=on.watch,
            beneficiary_screening=beneficiaries.get(a.id, Screened.UNKNOWN).value,
        )
        for a in assessments
    }


async def _load_standings(tx: Transaction, assessments: Sequence[Assessment]) -> dict[UUID, Context]:
    accounts = {
        assessment.id: Account(assessment.subject.payer, assessment.subject.currency) for assessment in assessments
    }
    standings = await limits.load_standings(tx, set(accounts.values()), day_of(tx.now)) if accounts else {}
    return {a.id: _with_standing(a, standings[accounts[a.id]]) for a in assessments}


def _with_standing(assessment: Assessment, standing: Standing) -> Context:
    """Return what is left of limits after the payment, as if no other of its batch were approved."""
    subject = assessment.subject
    unit: int = 10 ** minor_unit_exponents()[subject.currency]
    left = left_after(standing.limit, unit, standing.use, subject.amount)
    return Context(
        account_age_seconds=_age(standing.registered_at, subject.asked_at),
        tier=standing.tier.value,
        payer_screening=standing.screening.value,
        limit_payment_left=left.payment,
        limit_day_left=left.day,
        limit_month_left=left.month,
    )


def _age(registered_at: datetime | None, asked_at: datetime) -> int:
    return -1 if registered_at is None else max(0, int((asked_at - registered_at).total_seconds()))
