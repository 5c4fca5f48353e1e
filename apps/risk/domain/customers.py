"""Customers and their tiers: what follows from what identity tells, whatever comes first or twice, or from a person."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

from contracts.identity import Role, UserEmailVerified, UserRegistered, UserRoleChanged
from contracts.risk import SetTier, Tier

Told = UserRegistered | UserEmailVerified | UserRoleChanged


class TierRefusal(Enum):
    """Why a tier is not set."""

    OWN_ACCOUNT = "own_account"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return "Nobody sets their own tier."


@dataclass(frozen=True, slots=True)
class SetByHand:
    """The tier that a person has put a customer into, and why."""

    tier: Tier
    by: UUID
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of a customer. `role_since` is when they were given the role that they have."""

    user_id: UUID
    registered_at: datetime | None = None
    email_verified_at: datetime | None = None
    role: Role | None = None
    role_since: datetime | None = None
    by_hand: SetByHand | None = None

    @property
    def tier(self) -> Tier:
        """The tier whose limits hold: the one that a person has set, otherwise what role and address make of it."""
        if self.by_hand:
            return self.by_hand.tier
        if self.role is Role.MERCHANT:
            return Tier.BUSINESS
        return Tier.VERIFIED if self.email_verified_at else Tier.UNVERIFIED


def learn(customer: Customer, told: Told) -> Customer:
    """Return what is known with one more word of identity. In whatever order they come, and twice, it is the same."""
    match told:
        case UserRegistered():
            known = replace(customer, registered_at=told.registered_at)
            return _in_role(known, told.role, told.registered_at)
        case UserEmailVerified():
            first = min(told.verified_at, customer.email_verified_at or told.verified_at)
            return replace(customer, email_verified_at=first)
        case UserRoleChanged():
            return _in_role(customer, told.role, told.changed_at)


def set_by_hand(customer: Customer, asked: SetTier, now: datetime) -> Customer | TierRefusal:
    """Return the customer in the tier that was asked for, or in the one that follows from what identity tells."""
    if asked.set_by == customer.user_id:
        return TierRefusal.OWN_ACCOUNT
    by_hand = SetByHand(asked.tier, asked.set_by, asked.reason, now) if asked.tier else None
    return replace(customer, by_hand=by_hand)


def _in_role(customer: Customer, role: Role, since: datetime) -> Customer:
    """Take the role if it is the newest that is known of; what came at the same moment goes by its name."""
    known = (customer.role_since, customer.role) if customer.role_since and customer.role else None
    return replace(customer, role=role, role_since=since) if known is None or (since, role) > known else customer
