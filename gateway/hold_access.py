"""Who may look at a hold, and who decides about it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts.wallet import GetHold
from gateway.accounts import is_ours
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import Caller, RequestContext

LONGEST = timedelta(days=31)
"""The longest that a hold may be asked to last, from now."""


def check_expiry(moment: datetime | None) -> None:
    """Raise ProblemError `expiry_too_far`. That it is not over yet is the ledger's to say, whose clock counts."""
    if moment is not None and moment > datetime.now(UTC) + LONGEST:
        raise ProblemError(
            "expiry_too_far", f"A hold lasts at most {LONGEST.days} days from now.", parameter="expires_at"
        )


async def visible_hold(hold_id: UUID, caller: Caller, parts: Parts, context: RequestContext) -> Mapping[str, Any]:
    """Return a hold that the caller may look at: an owner of its accounts, or an operator.

    Raises ProblemError `hold_not_found`; operators are told why a hold was refused.
    """
    if not is_ours(hold_id):
        raise hold_not_found()
    try:
        hold = await parts.queries.ask(GetHold.model_construct(id=hold_id), context)
    except ProblemError as problem:
        if problem.code == "unavailable" or caller.sees_all:
            raise
        raise hold_not_found() from None
    if not (caller.sees_all or await parts.wallets.is_an_end(_ends(hold), caller, context)):
        raise hold_not_found()
    return hold


async def check_settles(hold_id: UUID, caller: Caller, parts: Parts, context: RequestContext) -> None:
    """Raise ProblemError unless the caller captures or voids the hold: the owner of the credit account, or an operator.

    So money that is reserved for somebody cannot be taken back by who reserved it, but by time.
    """
    hold = await visible_hold(hold_id, caller, parts, context)
    if not await _decides(hold, "credit_account", caller, parts, context):
        detail = "Only the owner of the credit account, or an operator, captures or voids a hold."
        raise ProblemError("not_permitted", detail, parameter="hold_id")


async def check_extends(hold_id: UUID, caller: Caller, parts: Parts, context: RequestContext) -> None:
    """Raise ProblemError unless the caller extends the hold: the owner of the debit account, or an operator."""
    hold = await visible_hold(hold_id, caller, parts, context)
    if not await _decides(hold, "debit_account", caller, parts, context):
        detail = "Only the owner of the debit account, or an operator, extends a hold."
        raise ProblemError("not_permitted", detail, parameter="hold_id")


async def _decides(hold: Mapping[str, Any], side: str, caller: Caller, parts: Parts, context: RequestContext) -> bool:
    return caller.moves_any_money or await parts.wallets.is_an_end([UUID(hold[side])], caller, context)


def _ends(hold: Mapping[str, Any]) -> list[UUID]:
    return [UUID(hold["debit_account"]), UUID(hold["credit_account"])]


def hold_not_found() -> ProblemError:
    """Return the same answer for a hold that does not exist and for one between others."""
    return ProblemError("hold_not_found", "No hold from or for a wallet of yours has this id.", parameter="hold_id")
