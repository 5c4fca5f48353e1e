"""Opening accounts: an id names one account for ever; asking for the same one again changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from apps.wallet.domain.account import Account, SystemAccount, new_account, new_wallet
from contracts.wallet import AccountKind, AccountType

_ONCE = {AccountKind.CLEARING, AccountKind.FEES, AccountKind.SUSPENSE, AccountKind.FX}


class OpeningRefusal(Enum):
    """A rule that an opening broke; the first one that applies, from top to bottom, is the answer."""

    ACCOUNT_ID_REUSED = "account_id_reused"
    WALLET_NOT_FOUND = "wallet_not_found"
    CURRENCY_TAKEN = "currency_taken"
    KIND_NOT_ALLOWED = "kind_not_allowed"
    LIMIT_BROKEN = "limit_broken"
    ACCOUNT_EXISTS = "account_exists"
    EXTERNAL_ID_TAKEN = "external_id_taken"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    OpeningRefusal.ACCOUNT_ID_REUSED: "Another account exists under this id; use a new id for a new account.",
    OpeningRefusal.WALLET_NOT_FOUND: "No wallet of this owner has the id to add a currency to.",
    OpeningRefusal.CURRENCY_TAKEN: "The wallet has this currency already.",
    OpeningRefusal.KIND_NOT_ALLOWED: "A wallet belongs to a user; and only a clearing account has a processor.",
    OpeningRefusal.LIMIT_BROKEN: "An account begins at zero: its floor cannot be above, its ceiling not below.",
    OpeningRefusal.ACCOUNT_EXISTS: "There is one account of this kind, currency and processor already.",
    OpeningRefusal.EXTERNAL_ID_TAKEN: "Another account has this external id.",
}


@dataclass(frozen=True, slots=True)
class WalletRequest:
    """A wish for a wallet under an id that the caller has chosen; `wallet` is the one to add a currency to."""

    account_id: UUID
    owner: UUID
    currency: str
    wallet: UUID | None = None


@dataclass(frozen=True, slots=True)
class SystemAccountRequest:
    """A wish for an account of the system's own."""

    account_id: UUID
    kind: AccountKind
    type: AccountType
    currency: str
    processor: str | None = None
    external_id: str | None = None
    floor: int | None = None
    ceiling: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


OpeningRequest = WalletRequest | SystemAccountRequest


@dataclass(frozen=True, slots=True)
class Openings:
    """The account of each request, in order, or why there is none; and those accounts that are new."""

    outcomes: Sequence[Account | OpeningRefusal]
    opened: Sequence[Account]


def decide(known: Iterable[Account], requests: Sequence[OpeningRequest], now: datetime) -> Openings:
    """Open what is not open yet.

    `known` are the accounts that exist under the requested ids, system names and external ids, and all of the wallets
    that are to get a currency.
    """
    chart = _Chart(known)
    opened: list[Account] = []
    outcomes: list[Account | OpeningRefusal] = []
    for request in requests:
        asked = _asked(request, now)
        earlier = chart.by_id.get(asked.id)
        refusal = chart.refusal(request, asked) if earlier is None else _differs(earlier, asked)
        if refusal is None and earlier is None:
            chart.add(asked)
            opened.append(asked)
        outcomes.append(refusal or earlier or asked)
    return Openings(outcomes, opened)


def _asked(request: OpeningRequest, now: datetime) -> Account:
    if isinstance(request, WalletRequest):
        return new_wallet(request.account_id, request.owner, request.currency, now, request.wallet)
    return new_account(
        request.account_id,
        request.kind,
        request.currency,
        now,
        type=request.type.value,
        processor=request.processor,
        external_id=request.external_id,
        floor=request.floor,
        ceiling=request.ceiling,
        metadata=request.metadata,
    )


def _differs(earlier: Account, asked: Account) -> OpeningRefusal | None:
    def identity(a: Account) -> tuple[object, ...]:
        return a.owner, a.kind, a.type, a.currency, a.wallet, a.processor

    return None if identity(earlier) == identity(asked) else OpeningRefusal.ACCOUNT_ID_REUSED


class _Chart:
    """The accounts that are known, by all that is unique about them."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.by_id: dict[UUID, Account] = {}
        self._system: set[SystemAccount] = set()
        self._external: set[str] = set()
        self._wallets: dict[tuple[UUID, str], Account] = {}
        self._owners: dict[UUID, UUID | None] = {}
        for account in accounts:
            self.add(account)

    def add(self, account: Account) -> None:
        self.by_id[account.id] = account
        if account.kind in _ONCE:
            self._system.add(_name(account))
        if account.external_id:
            self._external.add(account.external_id)
        if account.wallet:
            self._wallets[account.wallet, account.currency] = account
            self._owners[account.wallet] = account.owner

    def refusal(self, request: OpeningRequest, asked: Account) -> OpeningRefusal | None:
        """Return the first rule that a new account would break."""
        if isinstance(request, WalletRequest):
            if request.wallet and self._owners.get(request.wallet) != request.owner:
                return OpeningRefusal.WALLET_NOT_FOUND
            taken = asked.wallet and (asked.wallet, asked.currency) in self._wallets
            return OpeningRefusal.CURRENCY_TAKEN if taken else None
        if request.kind is AccountKind.WALLET or (request.processor and request.kind is not AccountKind.CLEARING):
            return OpeningRefusal.KIND_NOT_ALLOWED
        if (request.floor or 0) > 0 or (request.ceiling or 0) < 0:
            return OpeningRefusal.LIMIT_BROKEN
        if request.kind in _ONCE and _name(asked) in self._system:
            return OpeningRefusal.ACCOUNT_EXISTS
        return OpeningRefusal.EXTERNAL_ID_TAKEN if asked.external_id in self._external else None


def _name(account: Account) -> SystemAccount:
    return SystemAccount(AccountKind(account.kind), account.currency, account.processor)
