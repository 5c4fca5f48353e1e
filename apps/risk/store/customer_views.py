"""Customers as others see them: their tier, why they are in it, and what they have used of its limits."""

from datetime import datetime

from apps.risk.domain import customers as domain
from apps.risk.domain.limits import day_of, left_after
from apps.risk.store import limits
from apps.risk.store.limits import Account, Standing
from contracts.money import minor_unit_exponents
from contracts.risk import Customer, LimitUse
from outbox.database import Reads


async def load(reads: Reads, customer: domain.Customer, now: datetime) -> Customer:
    """Return a customer with what they have used by now."""
    day, by_hand = day_of(now), customer.by_hand
    currencies = await limits.load_currencies(reads, customer.user_id, day)
    accounts = [Account(customer.user_id, currency) for currency in currencies]
    standings = await limits.load_standings(reads, accounts, day)
    return Customer(
        user_id=customer.user_id,
        tier=customer.tier,
        registered_at=customer.registered_at,
        email_verified_at=customer.email_verified_at,
        role=customer.role,
        set_by=by_hand.by if by_hand else None,
        set_reason=by_hand.reason if by_hand else None,
        set_at=by_hand.at if by_hand else None,
        uses=[_use(account.currency, standings[account]) for account in accounts],
    )


def _use(currency: str, standing: Standing) -> LimitUse:
    left = left_after(standing.limit, 10 ** minor_unit_exponents()[currency], standing.use, 0)
    return LimitUse(
        currency=currency,
        used_today=standing.use.day,
        used_this_month=standing.use.month,
        left_today=left.day,
        left_this_month=left.month,
    )
