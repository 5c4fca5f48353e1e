"""What customers may pay: limits by tier and currency, their changes, and who is in which tier."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from contracts.identity import Scope
from contracts.money import Currency
from contracts.risk import (
    HIGHEST_LIMIT,
    LIMIT_CHANGES_LIMIT,
    Customer,
    GetCustomer,
    LimitChangePage,
    ListLimitChanges,
    ListLimits,
    SetLimit,
    SetTier,
    Tier,
    TierLimit,
    TierLimits,
)
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, RiskReader, RiskWriter
from gateway.openapi import problems, success
from gateway.outcomes import DONE, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY

PREFIX = "/v1/risk"
router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["risk"])

_ANALYST = "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99"
_OTHERS: dict[str, Any] = {
    "tier": "verified",
    "currency": None,
    "per_payment": 25_000,
    "per_day": 100_000,
    "per_month": 500_000,
    "changed_by": None,
    "changed_at": None,
}
EXAMPLE: dict[str, Any] = {
    "tier": "verified",
    "currency": "JPY",
    "per_payment": 4_000_000,
    "per_day": 16_000_000,
    "per_month": 80_000_000,
    "changed_by": _ANALYST,
    "changed_at": "2026-01-05T09:30:00.123456Z",
}
CHANGE_EXAMPLE: dict[str, Any] = {"number": 7, "limit": EXAMPLE, "reason": "Yen are small."}
CUSTOMER_EXAMPLE: dict[str, Any] = {
    "user_id": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "tier": "business",
    "registered_at": "2025-11-20T08:15:00.000000Z",
    "email_verified_at": "2025-11-20T08:17:30.000000Z",
    "role": "customer",
    "set_by": _ANALYST,
    "set_reason": "Seen the company's papers.",
    "set_at": "2026-01-05T09:30:00.123456Z",
    "uses": [
        {
            "currency": "EUR",
            "used_today": 1_250_00,
            "used_this_month": 48_000_00,
            "left_today": 9_998_750_00,
            "left_this_month": 99_952_000_00,
        }
    ],
}
_UNKNOWN = {"customer_not_found": "Risk knows of no customer with this id."}
_NOT_ASCENDING = {"limits_not_ascending": "Per payment is not more than per day, and per day not more than per month."}
_OWN = {"own_account": "Nobody sets their own tier."}
Reason = Annotated[
    str,
    Field(
        min_length=1, max_length=500, pattern="^[^\x00]*$", description="Why; it is kept", examples=["Seen the papers."]
    ),
]
MajorUnits = Annotated[
    int, Field(strict=True, ge=0, le=HIGHEST_LIMIT, description="Whole major units (euros)", examples=[25_000])
]
UserId = Annotated[UUID, Path(description="The customer's user id", examples=[CUSTOMER_EXAMPLE["user_id"]])]


class NewLimit(Body):
    """The limits of a tier in one currency, or, without one, in all that have none of their own."""

    tier: Annotated[Tier, Field(examples=["verified"])]
    currency: Currency | None = None
    per_payment: MajorUnits
    per_day: MajorUnits
    per_month: MajorUnits
    reason: Reason


class NewTier(Body):
    """The tier to put a customer into; none: the one that follows from their address and role."""

    tier: Annotated[Tier | None, Field(examples=["business"])]
    reason: Reason


@router.get(
    "/limits",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List limits (operators, analysts, administrators)",
    responses={
        DONE: success(TierLimits, "The limits that hold now", {"limits": [_OTHERS, EXAMPLE]}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_limits(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    tier: Annotated[Tier | None, Query(description="Those of one tier only")] = None,
) -> Response:
    """List what customers of each tier may pay at once, in a day and in a month (UTC), in major units.

    A limit without a currency holds for each currency that has none of its own.
    """
    return json_response(await parts.queries.ask(ListLimits.model_construct(tier=tier), context))


@router.post(
    "/limits",
    response_model=None,
    summary="Set a limit (analysts)",
    responses={
        DONE: success(TierLimit, "Set: the next decision goes by it", EXAMPLE),
        **problems(
            _NOT_ASCENDING,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/tier", "Input should be 'unverified', 'verified' or 'business'"),
            command=True,
            cards=True,
        ),
    },
)
async def set_limit(
    body: NewLimit, caller: RiskWriter, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Set the limits of a tier in a currency. Who set them, when and why is kept, and they hold from the next payment.

    Limits of a currency that has none yet take the place of those for all others.
    """
    command = SetLimit.model_construct(
        tier=body.tier,
        currency=body.currency,
        per_payment=body.per_payment,
        per_day=body.per_day,
        per_month=body.per_month,
        reason=body.reason,
        changed_by=caller.user,
        idempotency=headers.idempotency(caller.user, "set_limit", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.get(
    "/limits/changes",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List changes of limits (operators, analysts, administrators)",
    responses={
        DONE: success(LimitChangePage, "Changes, newest first", {"changes": [CHANGE_EXAMPLE], "next_before": None}),
        **problems(asks="risk", scope=Scope.RISK_READ),
    },
)
async def list_limit_changes(
    _caller: RiskReader,
    parts: PartsDep,
    context: ContextDep,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_CHANGES_LIMIT)] = 20,
) -> Response:
    """List who has set which limits, when and why."""
    query = ListLimitChanges.model_construct(before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/customers/{user_id}",
    response_model=None,
    summary="Read a customer's tier and use (operators, analysts, administrators)",
    responses={
        DONE: success(Customer, "The customer as risk knows them", CUSTOMER_EXAMPLE),
        **problems(_UNKNOWN, asks="risk", scope=Scope.RISK_READ),
    },
)
async def get_customer(user_id: UserId, _caller: RiskReader, parts: PartsDep, context: ContextDep) -> Response:
    """Read a customer's tier, why they are in it, and what they have used of its limits, in minor units."""
    return json_response(await parts.queries.ask(GetCustomer.model_construct(user_id=_known(user_id)), context))


@router.post(
    "/customers/{user_id}/tier",
    response_model=None,
    summary="Put a customer into a tier (analysts)",
    responses={
        DONE: success(Customer, "Done: the next decision goes by the tier's limits", CUSTOMER_EXAMPLE),
        **problems(
            _UNKNOWN | _OWN,
            scope=Scope.RISK_WRITE,
            wrong_body=("body/tier", "Input should be 'unverified', 'verified' or 'business'"),
            command=True,
            cards=True,
        ),
    },
)
async def set_tier(
    user_id: UserId,
    body: NewTier,
    caller: RiskWriter,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Put a customer into a tier, whatever their address and role, until it is taken back with `null`.

    Who did so, when and why is kept. It can be done before risk has heard of the customer.
    """
    command = SetTier.model_construct(
        user_id=_known(user_id),
        tier=body.tier,
        reason=body.reason,
        set_by=caller.user,
        idempotency=headers.idempotency(caller.user, "set_tier", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


def _known(user_id: UUID) -> UUID:
    """Return an id that could be a user's. Raises ProblemError `customer_not_found`."""
    if not is_ours(user_id):
        raise ProblemError("customer_not_found", _UNKNOWN["customer_not_found"], parameter="user_id")
    return user_id
