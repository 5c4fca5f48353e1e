"""Changes of accounts: limits, metadata, freezing and closing; each recorded with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from apps.wallet.domain.account import Account


class ChangeRefusal(Enum):
    """A rule that a change broke; the first one that applies, from top to bottom, is the answer."""

    ACCOUNT_NOT_FOUND = "account_not_found"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_NOT_EMPTY = "account_not_empty"
    LIMIT_BROKEN = "limit_broken"
    EXTERNAL_ID_TAKEN = "external_id_taken"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    ChangeRefusal.ACCOUNT_NOT_FOUND: "There is no account with this id.",
    ChangeRefusal.ACCOUNT_CLOSED: "The account is closed; nothing about it changes any more.",
    ChangeRefusal.ACCOUNT_NOT_EMPTY: "Only an account that holds nothing, in balance and in holds, can be closed.",
    ChangeRefusal.LIMIT_BROKEN: "What the account has and holds breaks the new limits, or they leave no room.",
    ChangeRefusal.EXTERNAL_ID_TAKEN: "Another account has this external id.",
}


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A wish to change an account. What is None stays; `limits` are floor and ceiling, each None for no limit."""

    account_id: UUID
    changed_by: UUID
    reason: str
    limits: tuple[int | None, int | None] | None = None
    metadata: Mapping[str, str] | None = None
    external_id: str | None = None
    frozen: str | None = None
    close: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """An account after a change, and why."""

    after: Account
    changed_by: UUID
    reason: str
    changed_at: datetime


def decide(
    accounts: Mapping[UUID, Account], named: Mapping[str, UUID], requests: Sequence[ChangeRequest], now: datetime
) -> list[Change | ChangeRefusal]:
    """Return the change of each request, on the accounts that the ones before it left, or why it is refused.

    `named` tells which external ids are taken by whom.
    """
    accounts, named = dict(accounts), dict(named)
    outcomes: list[Change | ChangeRefusal] = []
    for request in requests:
        outcome = _decide(accounts.get(request.account_id), named, request, now)
        if isinstance(outcome, Change):
            accounts[outcome.after.id] = outcome.after
            if outcome.after.external_id:
                named[outcome.after.external_id] = outcome.after.id
        outcomes.append(outcome)
    return outcomes


def _decide(
    account: Account | None, named: Mapping[str, UUID], request: ChangeRequest, now: datetime
) -> Change | ChangeRefusal:
    if account is None:
        return ChangeRefusal.ACCOUNT_NOT_FOUND
    if account.closed_at:
        return ChangeRefusal.ACCOUNT_CLOSED
    if request.close and (account.balance or account.held):
        return ChangeRefusal.ACCOUNT_NOT_EMPTY
    if request.limits and _breaks(account, *request.limits):
        return ChangeRefusal.LIMIT_BROKEN
    if request.external_id and named.get(request.external_id, account.id) != account.id:
        return ChangeRefusal.EXTERNAL_ID_TAKEN
    floor, ceiling = request.limits or (account.floor, account.ceiling)
    after = account._replace(
        floor=floor,
        ceiling=ceiling,
        frozen=request.frozen or account.frozen,
        closed_at=now if request.close else None,
        external_id=request.external_id or account.external_id,
        metadata=account.metadata if request.metadata is None else request.metadata,
        changes=account.changes + 1,
    )
    return Change(after, request.changed_by, request.reason, now)


def _breaks(account: Account, floor: int | None, ceiling: int | None) -> bool:
    # What is held counts in full, also what is over: the database keeps it in `held` until it is swept.
    below = floor is not None and account.balance - account.held < floor
    above = ceiling is not None and account.balance > ceiling
    return below or above or (floor is not None and ceiling is not None and floor > ceiling)
