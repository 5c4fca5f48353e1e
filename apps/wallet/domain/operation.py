"""What may be asked of the ledger. Each operation has an id of its client's making, which names it for ever."""

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import orjson

from apps.wallet.domain.account import SystemAccount

Metadata = dict[str, str]


def _digest(*asked: object) -> bytes:
    return sha256(repr(asked).encode()).digest()


@dataclass(frozen=True, slots=True)
class _Request:
    """What has an id, and a `fingerprint` that is taken as it is made: while it waits for its turn, not in it."""

    fingerprint: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", self._taken())

    @abstractmethod
    def _taken(self) -> bytes:
        """Return the SHA-256 of all that was asked for: the same id with another fingerprint is another operation."""


@dataclass(frozen=True, slots=True)
class TransferRequest(_Request):
    """A wish to move `amount` minor units. With `authorised_by`, that user must own the debit account."""

    id: UUID
    debit_account: UUID | SystemAccount
    credit_account: UUID | SystemAccount
    amount: int
    currency: str
    authorised_by: UUID | None = None
    reference: UUID | None = None
    effective_at: datetime | None = None
    metadata: Metadata | None = None

    def _taken(self) -> bytes:
        asked = b"transfer|%s|%s|%d|%s|%s|%s" % (
            _bytes(self.debit_account),
            _bytes(self.credit_account),
            self.amount,
            self.currency.encode(),
            self.authorised_by.bytes if self.authorised_by else b"",
            self.reference.bytes if self.reference else b"",
        )
        if self.effective_at is not None or self.metadata is not None:
            asked += _digest(_moment(self.effective_at), _text(self.metadata))
        return sha256(asked).digest()


@dataclass(frozen=True, slots=True)
class ReversalRequest(_Request):
    """A wish to take back `amount` of a transfer, None for what is left of it."""

    id: UUID
    reverses: UUID
    amount: int | None = None
    reference: UUID | None = None
    effective_at: datetime | None = None
    metadata: Metadata | None = None

    def _taken(self) -> bytes:
        effective = _moment(self.effective_at)
        return _digest("reversal", self.reverses, self.amount, self.reference, effective, _text(self.metadata))


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """A wish to sell in one currency and buy in another at `rate` (bought per sold, in major units)."""

    sell_id: UUID
    buy_id: UUID
    debit_account: UUID
    credit_account: UUID
    sold: int
    sold_currency: str
    bought: int
    bought_currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class JournalRequest(_Request):
    """A wish for several transfers, all or none, in order. Each leg has the journal's date and authorisation."""

    id: UUID
    legs: tuple[TransferRequest | ExchangeRequest, ...]
    reference: UUID | None = None
    effective_at: datetime | None = None
    metadata: Metadata | None = None
    authorised_by: UUID | None = None

    def _taken(self) -> bytes:
        facts = _moment(self.effective_at), _text(self.metadata), self.authorised_by, self.reference
        legs = [(str(leg.rate.normalize()), leg.sell_id, leg.buy_id, leg.debit_account, leg.credit_account, leg.sold,
                 leg.sold_currency, leg.bought, leg.bought_currency) if isinstance(leg, ExchangeRequest)
                else (leg.id, leg.fingerprint) for leg in self.legs]  # fmt: skip
        return _digest("journal", facts, legs)


@dataclass(frozen=True, slots=True)
class HoldRequest(_Request):
    """A wish to reserve `amount` minor units until `expires_at`. With `authorised_by` as in a transfer."""

    id: UUID
    debit_account: UUID
    credit_account: UUID | SystemAccount
    amount: int
    currency: str
    expires_at: datetime
    authorised_by: UUID | None = None
    reference: UUID | None = None

    def _taken(self) -> bytes:
        facts = self.amount, self.currency, _moment(self.expires_at), self.authorised_by, self.reference
        named = self.credit_account
        return _digest("hold", self.debit_account, named if isinstance(named, UUID) else _bytes(named), facts)


@dataclass(frozen=True, slots=True)
class CaptureRequest(_Request):
    """A wish to move `amount` of a hold, None for all that it reserves. `id` is that of the transfer."""

    id: UUID
    hold_id: UUID
    amount: int | None = None
    release_rest: bool = False
    reference: UUID | None = None
    effective_at: datetime | None = None

    def _taken(self) -> bytes:
        facts = self.amount, self.release_rest, self.reference, _moment(self.effective_at)
        return _digest("capture", self.hold_id, facts)


@dataclass(frozen=True, slots=True)
class VoidRequest(_Request):
    """A wish to give back what a hold still reserves."""

    id: UUID
    hold_id: UUID

    def _taken(self) -> bytes:
        return _digest("void", self.hold_id)


@dataclass(frozen=True, slots=True)
class ExtensionRequest(_Request):
    """A wish to let a hold expire later."""

    id: UUID
    hold_id: UUID
    expires_at: datetime

    def _taken(self) -> bytes:
        return _digest("extension", self.hold_id, _moment(self.expires_at))


Operation = (
    TransferRequest | ReversalRequest | JournalRequest | HoldRequest | CaptureRequest | VoidRequest | ExtensionRequest
)


def _bytes(account: UUID | SystemAccount) -> bytes:
    if isinstance(account, UUID):
        return account.bytes
    return f"{account.kind.value}:{account.currency}:{account.processor}".encode()


def _moment(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _text(metadata: Metadata | None) -> bytes | None:
    return orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS) if metadata is not None else None
