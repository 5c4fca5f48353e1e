"""Customers: what identity has told of them, and the tiers that people have put them into."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

from apps.risk.domain.customers import Customer, SetByHand
from contracts.identity import Role
from contracts.risk import SetTier, Tier
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_MEET = """
INSERT INTO customer (user_id) SELECT id FROM unnest($1::uuid[]) AS id ORDER BY id ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT user_id, registered_at, email_verified_at, role, role_since, set_tier, set_by, set_reason, set_at
FROM customer WHERE user_id = ANY($1::uuid[]) ORDER BY user_id FOR UPDATE
"""
_ONE = """
SELECT user_id, registered_at, email_verified_at, role, role_since, set_tier, set_by, set_reason, set_at
FROM customer WHERE user_id = $1
"""
_SAVE = """
UPDATE customer AS c
SET tier = n.tier, registered_at = n.registered_at, email_verified_at = n.email_verified_at, role = n.role,
    role_since = n.role_since, set_tier = n.set_tier, set_by = n.set_by, set_reason = n.set_reason, set_at = n.set_at
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::timestamptz[], $7::text[],
            $8::uuid[], $9::text[], $10::timestamptz[])
     AS n (user_id, tier, registered_at, email_verified_at, role, role_since, set_tier, set_by, set_reason, set_at)
WHERE c.user_id = n.user_id
"""
_RECORD = """
INSERT INTO tier_change (user_id, set_tier, set_by, reason, set_at) VALUES ($1, $2, $3, $4, $5)
"""


async def lock(tx: Transaction, users: Collection[UUID]) -> dict[UUID, Customer]:
    """Return what is known of each, of whom nothing was known before too, and let nobody else change it meanwhile."""
    await tx.execute(_MEET, list(users))
    return {row["user_id"]: _customer(row) for row in await tx.fetch(_LOCK, list(users))}


async def load(reads: Reads, user: UUID) -> Customer | None:
    """Return what is known of one, None where that is nothing."""
    row = await reads.fetchrow(_ONE, user)
    return _customer(row) if row else None


async def save(tx: Transaction, customers: Collection[Customer]) -> None:
    """Keep what is known by now of customers who are locked."""
    if customers:
        await tx.execute(_SAVE, *columns([_row(customer) for customer in customers], 10))


async def record(tx: Transaction, asked: SetTier) -> None:
    """Record who has put whom into which tier, and why."""
    tier = asked.tier.value if asked.tier else None
    await tx.execute(_RECORD, asked.user_id, tier, asked.set_by, asked.reason, tx.now)


def _customer(row: asyncpg.Record) -> Customer:
    by_hand = None
    if row["set_tier"] is not None:
        by_hand = SetByHand(Tier(row["set_tier"]), row["set_by"], row["set_reason"], row["set_at"])
    return Customer(
        user_id=row["user_id"],
        registered_at=row["registered_at"],
        email_verified_at=row["email_verified_at"],
        role=Role(row["role"]) if row["role"] else None,
        role_since=row["role_since"],
        by_hand=by_hand,
    )


def _row(customer: Customer) -> tuple[object, ...]:
    hand = customer.by_hand
    return (
        customer.user_id,
        customer.tier.value,
        customer.registered_at,
        customer.email_verified_at,
        customer.role.value if customer.role else None,
        customer.role_since,
        *((hand.tier.value, hand.by, hand.reason, hand.at) if hand else (None, None, None, None)),
    )
