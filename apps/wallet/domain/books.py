"""The part of the ledger that some operations touch, as it is read under the ledger's lock; and what is decided."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from apps.wallet.domain.account import Account, AccountState, SystemAccount
from apps.wallet.domain.hold import Hold, HoldStep
from apps.wallet.domain.transfer import Outcome, Posted, PostedJournal, Refused

_TICK = timedelta(microseconds=1)
LATER_ENTRIES_LIMIT = 200_000
"""How many entries an account may have, recorded since then, for a transfer to be dated back before them."""


@dataclass(slots=True)
class Timeline:
    """An account's lowest and highest balance from each of `starts` until the next, on the effective axis.

    The last span ends now. `starts` are the effective dates that a batch asks for on this account, in order. With
    `cut`, what became effective by then has too many entries after it to be looked through.
    """

    starts: Sequence[datetime]
    lowest: list[int]
    highest: list[int]
    cut: datetime | None = None

    def lowest_since(self, moment: datetime) -> int:
        """Return the lowest balance from `moment`, one of the starts, until now."""
        return min(self.lowest[bisect_left(self.starts, moment) :])

    def highest_since(self, moment: datetime) -> int:
        """Return the highest balance from `moment`, one of the starts, until now."""
        return max(self.highest[bisect_left(self.starts, moment) :])

    def move(self, moment: datetime, amount: int) -> None:
        """Let the balance be `amount` higher from `moment`, one of the starts, on."""
        for place in range(bisect_left(self.starts, moment), len(self.starts)):
            self.lowest[place] += amount
            self.highest[place] += amount

    def copy(self) -> "Timeline":
        """Return one that moves on its own."""
        return replace(self, lowest=list(self.lowest), highest=list(self.highest))


@dataclass(slots=True)
class Standing:
    """How an account stands in the midst of a batch."""

    account: AccountState
    balance: int
    held: int
    last_sequence: int | None
    hold_steps: int
    timeline: Timeline | None = None

    def copy(self) -> "Standing":
        """Return one that moves on its own."""
        timeline = self.timeline.copy() if self.timeline else None
        return Standing(self.account, self.balance, self.held, self.last_sequence, self.hold_steps, timeline)

    def timeline_read(self) -> Timeline:
        """Return the timeline that was read because an operation is dated back. Raises LookupError without one."""
        if self.timeline is None:
            raise LookupError(f"the timeline of account {self.account.id} was not read")
        return self.timeline


@dataclass(frozen=True, slots=True)
class KnownStep:
    """A hold step that was asked for by an operation."""

    hold_id: UUID
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Books:
    """What operations touch. `moved_at` is when the newest transfer was posted, `closed_until` where the closed end.

    `system` names the system's accounts; those in `unopened` exist only once money has come
    through, or a hold is for them. `holds` are those
    that operations name, and all pending ones on the touched accounts whose time is over. `transfers`, `journals`,
    `steps` and `refusals` are what is known under the operations' ids; `transfers` also what they reverse, `reversed`
    how much of it is taken back already.
    """

    sequence: int
    moved_at: datetime
    closed_until: datetime | None = None
    accounts: Mapping[UUID, AccountState] = field(default_factory=dict)
    system: Mapping[SystemAccount, UUID] = field(default_factory=dict)
    unopened: Mapping[UUID, Account] = field(default_factory=dict)
    timelines: Mapping[UUID, Timeline] = field(default_factory=dict)
    transfers: Mapping[UUID, Posted] = field(default_factory=dict)
    reversed: Mapping[UUID, int] = field(default_factory=dict)
    journals: Mapping[UUID, PostedJournal] = field(default_factory=dict)
    holds: Mapping[UUID, Hold] = field(default_factory=dict)
    steps: Mapping[UUID, KnownStep] = field(default_factory=dict)
    refusals: Mapping[UUID, Refused] = field(default_factory=dict)

    def moment(self, now: datetime) -> datetime:
        """Return the time of the next batch.

        It is later than everything in the ledger, so that what was read as of an instant never changes.
        """
        return max(now, self.moved_at + _TICK, self.closed_until or now)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be written and said: `outcomes` in the order of the operations, and what of it is new.

    `moved` are the accounts that stand otherwise than before; `expired` the holds whose time was over.
    """

    outcomes: Sequence[Outcome]
    postings: Sequence[Posted]
    journals: Sequence[PostedJournal]
    placed: Sequence[Hold]
    changed: Sequence[Hold]
    steps: Sequence[HoldStep]
    expired: Sequence[Hold]
    refusals: Sequence[Refused]
    moved: Sequence[Standing]
    opened: Sequence[Account]
    sequence: int
    moved_at: datetime
    moment: datetime
