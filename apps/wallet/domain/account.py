"""Accounts: whose money it is, in which currency, what the account is for, and how far its balance may go."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts.wallet import AccountKind, AccountType, Direction, NormalSide


class SystemAccount(NamedTuple):
    """Names the account that exists once per kind, currency and (for clearing) processor."""

    kind: AccountKind
    currency: str
    processor: str | None = None


class AccountState(NamedTuple):
    """What decisions go by of an account: whose it is, where it stands, and what it may; fields as in `Account`."""

    id: UUID
    owner: UUID | None
    currency: str
    balance: int
    floor: int | None
    last_sequence: int | None
    held: int
    hold_steps: int
    ceiling: int | None
    frozen: str
    closed_at: datetime | None


class Account(NamedTuple):
    """A ledger account, its fields in the order of the table's columns.

    `balance` is credits minus debits in minor units, `held` what pending holds reserve of it, the expired ones among
    them until they are swept. `last_sequence` is the ledger sequence of its newest entry, None before the first.
    """

    id: UUID
    owner: UUID | None
    kind: str
    currency: str
    balance: int
    floor: int | None
    last_sequence: int | None
    created_at: datetime
    type: str
    wallet: UUID | None
    held: int
    hold_steps: int
    ceiling: int | None
    frozen: str
    closed_at: datetime | None
    processor: str | None
    external_id: str | None
    metadata: Mapping[str, str]
    changes: int

    @property
    def name(self) -> SystemAccount:
        """What a system account is for."""
        return SystemAccount(AccountKind(self.kind), self.currency, self.processor)

    @property
    def state(self) -> AccountState:
        """What decisions go by."""
        return AccountState(
            self.id,
            self.owner,
            self.currency,
            self.balance,
            self.floor,
            self.last_sequence,
            self.held,
            self.hold_steps,
            self.ceiling,
            self.frozen,
            self.closed_at,
        )


_TYPES = {
    AccountKind.CLEARING: AccountType.ASSET,
    AccountKind.FEES: AccountType.INCOME,
    AccountKind.SUSPENSE: AccountType.LIABILITY,
    AccountKind.FX: AccountType.ASSET,
}


def normal_side(kind: AccountType) -> NormalSide:
    """Return the side on which accounts of a type usually stand."""
    return NormalSide.DEBIT if kind in {AccountType.ASSET, AccountType.EXPENSE} else NormalSide.CREDIT


def new_account(account_id: UUID, kind: AccountKind, currency: str, now: datetime, **facts: object) -> Account:
    """Return an empty account; without further facts it has no limits and is of its kind's usual type."""
    usual: dict[str, object] = {
        "owner": None,
        "balance": 0,
        "floor": None,
        "last_sequence": None,
        "type": _TYPES.get(kind, AccountType.LIABILITY).value,
        "wallet": None,
        "held": 0,
        "hold_steps": 0,
        "ceiling": None,
        "frozen": Direction.NONE.value,
        "closed_at": None,
        "processor": None,
        "external_id": None,
        "metadata": {},
        "changes": 0,
    }
    return Account(
        **{"id": account_id, "kind": kind.value, "currency": currency, "created_at": now} | usual | facts  # type: ignore[arg-type]
    )


def new_wallet(account_id: UUID, owner: UUID, currency: str, now: datetime, wallet: UUID | None = None) -> Account:
    """Return an empty wallet, or one more currency of `wallet`: it can never be overdrawn."""
    return new_account(account_id, AccountKind.WALLET, currency, now, owner=owner, floor=0, wallet=wallet or account_id)


def new_system_account(account_id: UUID, name: SystemAccount, now: datetime) -> Account:
    """Return an empty account of the system's own: it has no owner and no limits."""
    return new_account(account_id, name.kind, name.currency, now, processor=name.processor)
