"""Statements: an account's entries in the order of effective dates, each with the balance after it."""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.wallet.domain.timeline import BEGINNING, instant, micros

MICROSECOND = timedelta(microseconds=1)
END_OF_INSTANT = 2**63 - 1
"""Above every sequence that the ledger can give."""
_CURSOR = struct.Struct(">qqq")
_PERIOD = struct.Struct(">qq")
_TAG = 9
"""Bytes of a tag. It is against mistakes only: whoever may read a statement may read all of it."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of effective dates: after the entry of this instant that has this sequence."""

    effective_at: datetime
    sequence: int

    @classmethod
    def after(cls, moment: datetime) -> "Position":
        """Return the place after all entries of an instant. Before 1970 nothing was effective."""
        return cls(max(moment, BEGINNING - MICROSECOND), END_OF_INSTANT)

    @classmethod
    def before(cls, moment: datetime) -> "Position":
        """Return the place before all entries of an instant."""
        return cls.after(max(moment, BEGINNING) - MICROSECOND)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a statement, without the balance after it. `amount` in minor units; credits are positive."""

    transfer_id: UUID
    sequence: int
    effective_at: datetime
    posted_at: datetime
    amount: int
    counterparty: UUID
    reference: UUID | None

    @property
    def position(self) -> Position:
        """The place after this line."""
        return Position(self.effective_at, self.sequence)


def with_balances(before: int, lines: Iterable[Line]) -> Iterator[tuple[Line, int]]:
    """Return each line with the balance after it, from the balance before the first."""
    balance = before
    for line in lines:
        balance += line.amount
        yield line, balance


@dataclass(frozen=True, slots=True)
class Extent:
    """Whose statement, and of which period: [starts_at, ends_at)."""

    account: UUID
    starts_at: datetime
    ends_at: datetime

    def tag(self, packed: bytes) -> bytes:
        """Return what tells a cursor of this statement from one of another, or one that was edited."""
        period = _PERIOD.pack(micros(self.starts_at), micros(self.ends_at))
        return hashlib.sha256(self.account.bytes + period + packed).digest()[:_TAG]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended, and by which sequence the ledger was known then, so that all pages show one moment.

    `known` is None where it makes no difference: the pages of a closed period are always the same.
    """

    position: Position
    known: int | None

    def encode(self, extent: Extent) -> str:
        """Return the cursor as text that means something to us only, and for this statement only."""
        packed = _CURSOR.pack(micros(self.position.effective_at), self.position.sequence, self.known or 0)
        return base64.urlsafe_b64encode(packed + extent.tag(packed)).decode()

    @classmethod
    def decode(cls, text: str, extent: Extent) -> "Cursor":
        """Read a cursor. Raises ValueError when it is none of ours, or one of another statement."""
        try:
            content = base64.b64decode(text, altchars=b"-_", validate=True)
            packed, tag = content[: _CURSOR.size], content[_CURSOR.size :]
            effective, sequence, known = _CURSOR.unpack(packed)
            position = Position(instant(effective), sequence)
        except (binascii.Error, struct.error, OverflowError) as error:
            raise ValueError("not a cursor") from error
        if tag != extent.tag(packed):
            raise ValueError("not a cursor of this statement")
        return cls(position, known or None)
