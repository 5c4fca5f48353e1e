"""Accounts: whose money it is, in which currency, and how low the balance may go."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """A wallet belongs to a user; clearing is the one account per currency through which money enters the books."""

    WALLET = "wallet"
    CLEARING = "clearing"


@dataclass(frozen=True, slots=True)
class Account:
    """A ledger account. `balance` is credits minus debits in minor units; `floor` is the lowest it may reach.

    `last_sequence` is the ledger sequence of its newest entry, None before the first.
    """

    id: UUID
    kind: Kind
    owner: UUID | None
    currency: str
    balance: int
    floor: int | None
    last_sequence: int | None
    created_at: datetime


def new_wallet(account_id: UUID, owner: UUID, currency: str, now: datetime) -> Account:
    """Return an empty wallet: it can never be overdrawn."""
    return Account(account_id, Kind.WALLET, owner, currency, 0, 0, None, now)


def new_clearing(account_id: UUID, currency: str, now: datetime) -> Account:
    """Return an empty clearing account: it has no owner and no floor."""
    return Account(account_id, Kind.CLEARING, None, currency, 0, None, None, now)
