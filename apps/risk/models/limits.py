"""Customers and their tiers, limits, and what has been used of them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Identity, Index, PrimaryKeyConstraint, Text, text
from sqlmodel import Field

from apps.risk.models.base import MOMENT, RiskTable

_TIERS = "IN ('unverified', 'verified', 'business')"


class Customer(RiskTable, table=True):
    """What is known of a customer. `set_...` tell who has put them into their tier by hand, if anybody has."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint(f"tier {_TIERS}", name="customer_tier"),
        CheckConstraint("num_nulls(role, role_since) IN (0, 2)", name="customer_role"),
        CheckConstraint("num_nulls(set_tier, set_by, set_reason, set_at) IN (0, 4)", name="customer_set"),
        CheckConstraint("set_tier = tier", name="customer_set_tier"),
    )

    user_id: UUID = Field(primary_key=True)
    tier: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'unverified'")})
    registered_at: datetime | None = Field(sa_type=MOMENT)
    email_verified_at: datetime | None = Field(sa_type=MOMENT)
    role: str | None = Field(sa_type=Text)
    role_since: datetime | None = Field(sa_type=MOMENT)
    set_tier: str | None = Field(sa_type=Text)
    set_by: UUID | None
    set_reason: str | None = Field(sa_type=Text)
    set_at: datetime | None = Field(sa_type=MOMENT)


class TierChange(RiskTable, table=True):
    """That somebody has put a customer into a tier by hand, or (none) has ended that. Insert-only."""

    __tablename__ = "tier_change"
    __table_args__ = (
        CheckConstraint(f"set_tier {_TIERS}", name="tier_change_tier"),
        CheckConstraint("set_by <> user_id", name="tier_change_second_person"),
        Index("tier_change_user", "user_id", "number"),
    )

    number: int = Field(sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    user_id: UUID
    set_tier: str | None = Field(sa_type=Text)
    set_by: UUID
    reason: str = Field(sa_type=Text)
    set_at: datetime = Field(sa_type=MOMENT)


class TierLimit(RiskTable, table=True):
    """What a tier may pay in a currency (* where it has no limit of its own), in major units."""

    __tablename__ = "tier_limit"
    __table_args__ = (
        CheckConstraint(f"tier {_TIERS}", name="tier_limit_tier"),
        CheckConstraint("currency = '*' OR currency ~ '^[A-Z]{3}$'", name="tier_limit_currency"),
        CheckConstraint(
            "0 <= per_payment AND per_payment <= per_day AND per_day <= per_month AND per_month <= 100000000000",
            name="tier_limit_ascending",
        ),
        CheckConstraint("num_nulls(changed_by, changed_at) IN (0, 2)", name="tier_limit_change"),
        PrimaryKeyConstraint("tier", "currency"),
    )

    tier: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    per_payment: int = Field(sa_type=BigInteger)
    per_day: int = Field(sa_type=BigInteger)
    per_month: int = Field(sa_type=BigInteger)
    changed_by: UUID | None
    changed_at: datetime | None = Field(sa_type=MOMENT)


class LimitChange(RiskTable, table=True):
    """A change of a limit, and why. Insert-only."""

    __tablename__ = "limit_change"

    number: int = Field(sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    tier: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    per_payment: int = Field(sa_type=BigInteger)
    per_day: int = Field(sa_type=BigInteger)
    per_month: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=Text)
    changed_by: UUID
    changed_at: datetime = Field(sa_type=MOMENT)


class LimitUse(RiskTable, table=True):
    """What counts against a payer's limits, by the day (UTC) on which it was approved, in minor units."""

    __tablename__ = "limit_use"
    __table_args__ = (
        CheckConstraint("used >= 0", name="limit_use_used"),
        PrimaryKeyConstraint("payer", "currency", "day"),
        Index("limit_use_age", "day"),
    )

    payer: UUID
    currency: str = Field(sa_type=Text)
    day: date = Field(sa_type=Date)
    used: int = Field(sa_type=BigInteger)


class LimitRelease(RiskTable, table=True):
    """The newest end of an attempt to pay: what was asked for before it counts no more than what was `kept`."""

    __tablename__ = "limit_release"
    __table_args__ = (
        CheckConstraint("kept >= 0", name="limit_release_kept"),
        Index("limit_release_age", "ended_at"),
    )

    payment_intent_id: UUID = Field(primary_key=True)
    ended_at: datetime = Field(sa_type=MOMENT)
    kept: int = Field(sa_type=BigInteger)


class MovedPayment(RiskTable, table=True):
    """A payment whose money has moved before risk approved it: `settled_by` is the assessment by which it did.

    That is the newest from `first_assessment` to before `next_assessment`; None until it is decided.
    """

    __tablename__ = "moved_payment"
    __table_args__ = (
        CheckConstraint("amount > 0", name="moved_payment_amount"),
        Index("moved_payment_unsettled", "payment_intent_id", postgresql_where=text("settled_by IS NULL")),
        Index("moved_payment_age", "moved_at"),
    )

    payment_intent_id: UUID = Field(primary_key=True)
    moved_at: datetime = Field(sa_type=MOMENT)
    amount: int = Field(sa_type=BigInteger)
    first_assessment: UUID
    next_assessment: UUID
    settled_by: UUID | None
