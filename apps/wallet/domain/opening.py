"""Opening a wallet: an id names one wallet for ever; asking for the same one again changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.account import Account, new_wallet


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """A wish for a wallet under an id that the caller has chosen."""

    account_id: UUID
    owner: UUID
    currency: str


@dataclass(frozen=True, slots=True)
class Openings:
    """The account of each request, in order, None where its id is another account's; and those that are new."""

    outcomes: Sequence[Account | None]
    opened: Sequence[Account]


def decide(known: Mapping[UUID, Account], requests: Sequence[OpeningRequest], now: datetime) -> Openings:
    """Open what is not open yet. `known` holds the accounts that exist under the requested ids."""
    accounts = dict(known)
    outcomes: list[Account | None] = []
    opened: list[Account] = []
    for request in requests:
        account = accounts.get(request.account_id)
        if account is None:
            account = new_wallet(request.account_id, request.owner, request.currency, now)
            accounts[account.id] = account
            opened.append(account)
        same = (account.owner, account.currency) == (request.owner, request.currency)
        outcomes.append(account if same else None)
    return Openings(outcomes, opened)
