"""What customers may pay: limits by tier and currency, who is in which tier, and how much of it is used."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.identity import Role
from contracts.message import Idempotency, Message, command, event, query
from contracts.money import Currency

HIGHEST_LIMIT = 10**11
"""Major units: in minor units of every currency a limit is still an exact JSON number."""
LIMIT_CHANGES_LIMIT = 100


class Tier(StrEnum):
    """What is known of a customer: limits are by it."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    BUSINESS = "business"


MajorUnits = Annotated[int, Field(strict=True, ge=0, le=HIGHEST_LIMIT, description="Whole major units (euros)")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$")]


class TierLimit(Message):
    """What a customer of a tier may pay at once, in a day and in a month (UTC), in major units of each currency.

    `currency` is None where it holds for all currencies that have no limit of their own. Nobody has changed a limit
    that has no `changed_by`.
    """

    tier: Tier
    currency: Currency | None = None
    per_payment: MajorUnits
    per_day: MajorUnits
    per_month: MajorUnits
    changed_by: UUID7 | None = None
    changed_at: AwareDatetime | None = None


class TierLimits(Message):
    """All limits that hold now: by tier, the one for other currencies first."""

    limits: list[TierLimit]


class LimitChange(Message):
    """A change of a limit, and why it was made."""

    number: Annotated[int, Field(ge=1)]
    limit: TierLimit
    reason: str


class LimitChangePage(Message):
    """Changes of limits, newest first; `next_before` continues after the last one, and is None at the end."""

    changes: list[LimitChange]
    next_before: int | None = None


class LimitUse(Message):
    """What a customer has used of the limits in one currency, in minor units; `left` is negative above a limit."""

    currency: Currency
    used_today: int
    used_this_month: int
    left_today: int
    left_this_month: int


class Customer(Message):
    """A customer as risk knows them: their tier, why they are in it, and what they have used of its limits.

    The tier follows from what identity tells, unless a person has set it: then `set_by`, `set_reason` and `set_at` say
    who, why and when. `uses` are of currencies in which something was paid this month.
    """

    user_id: UUID7
    tier: Tier
    registered_at: AwareDatetime | None = None
    email_verified_at: AwareDatetime | None = None
    role: Role | None = None
    set_by: UUID7 | None = None
    set_reason: str | None = None
    set_at: AwareDatetime | None = None
    uses: list[LimitUse] = Field(default_factory=list)


@command("risk", "set_limit", senders=("gateway",), answer=TierLimit)
class SetLimit(Message):
    """Set the limits of a tier in a currency, or (None) in all that have none of their own.

    Refused with `limits_not_ascending`.
    """

    tier: Tier
    currency: Currency | None = None
    per_payment: MajorUnits
    per_day: MajorUnits
    per_month: MajorUnits
    reason: Reason
    changed_by: UUID7
    idempotency: Idempotency


@command("risk", "set_tier", senders=("gateway",), answer=Customer)
class SetTier(Message):
    """Put a customer into a tier by hand, or (None) back into the one that follows from what identity tells.

    Refused with `own_account`.
    """

    user_id: UUID7
    tier: Tier | None = None
    reason: Reason
    set_by: UUID7
    idempotency: Idempotency


@query("risk", "list_limits", senders=("gateway",), answer=TierLimits)
class ListLimits(Message):
    """Read all limits that hold now; with `tier` those of one."""

    tier: Tier | None = None


@query("risk", "list_limit_changes", senders=("gateway",), answer=LimitChangePage)
class ListLimitChanges(Message):
    """Read the changes of limits, newest first, those before the change number `before`."""

    before: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_CHANGES_LIMIT)] = 20


@query("risk", "get_customer", senders=("gateway",), answer=Customer)
class GetCustomer(Message):
    """Read what risk knows of a customer. Refused with `customer_not_found`."""

    user_id: UUID7


@event("risk", "limit.changed")
class LimitChanged(Message):
    """A tier has other limits in a currency: the next decision goes by them."""

    limit: TierLimit


@event("risk", "customer.tier_changed")
class CustomerTierChanged(Message):
    """A customer is in another tier: the next decision goes by its limits. `set_by` is who put them there, if any."""

    user_id: UUID7
    before: Tier
    tier: Tier
    set_by: UUID7 | None = None
    changed_at: AwareDatetime
