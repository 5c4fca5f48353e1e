"""Every refusal in the order in which the rules are asked: by one table, an operation at a time.

Each row spoils an operation that is right in one way. Alone it is refused by its rule; together with any later row of
the same operation still by its rule: the first rule that is broken is the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest

from apps.wallet.domain.account import Account, SystemAccount, new_system_account, new_wallet
from apps.wallet.domain.books import Books, KnownStep, Timeline
from apps.wallet.domain.decision import decide
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.operation import (
    CaptureRequest,
    ExchangeRequest,
    ExtensionRequest,
    HoldRequest,
    JournalRequest,
    Operation,
    ReversalRequest,
    TransferRequest,
    VoidRequest,
)
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Posted, PostedJournal, Refused
from contracts.wallet import BALANCE_LIMIT, JOURNAL_LIMIT, AccountKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN, BOB = UUID(int=1), UUID(int=2)
ANNS, BOBS, BOBS_DOLLARS, NOWHERE = UUID(int=11), UUID(int=12), UUID(int=13), UUID(int=14)
ASKED, SECOND, THIRD, FOURTH, ORIGINAL, HOLD = (UUID(int=n) for n in range(21, 27))
FX = [SystemAccount(AccountKind.FX, currency) for currency in ("EUR", "USD")]
SANDBOX = SystemAccount(AccountKind.CLEARING, "EUR", "sandbox")
SYSTEM = {name: UUID(int=30 + n) for n, name in enumerate((*FX, SANDBOX))}


def _accounts() -> dict[UUID, Account]:
    anns = new_wallet(ANNS, ANN, "EUR", NOW)._replace(balance=1000, last_sequence=1)
    return {
        ANNS: anns,
        BOBS: new_wallet(BOBS, BOB, "EUR", NOW),
        BOBS_DOLLARS: new_wallet(BOBS_DOLLARS, BOB, "USD", NOW),
        **{identifier: new_system_account(identifier, name, NOW) for name, identifier in SYSTEM.items()},
    }


def _posted(transfer: UUID, debit: UUID, credit: UUID) -> Posted:
    return Posted(transfer, debit, credit, 100, "EUR", None, b"another", 1, NOW - HOUR, 0, 0, NOW - HOUR, *[None] * 5)


@dataclass
class Scene:
    """An operation that is right, on books that let it through, until it is spoilt."""

    operation: Any
    accounts: dict[UUID, Account] = field(default_factory=_accounts)
    transfers: dict[UUID, Posted] = field(default_factory=lambda: {ORIGINAL: _posted(ORIGINAL, BOBS, ANNS)})
    reversed: dict[UUID, int] = field(default_factory=dict)
    journals: dict[UUID, PostedJournal] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    steps: dict[UUID, KnownStep] = field(default_factory=dict)
    closed_until: datetime | None = None
    was: dict[UUID, int] = field(default_factory=lambda: {ANNS: 1000, BOBS: 0})
    cut: datetime | None = None

    def __post_init__(self) -> None:
        hold = Hold(HOLD, ANNS, BOBS, 200, "EUR", None, b"", NOW - HOUR, 0, 200, "pending", NOW + HOUR, 1)
        if isinstance(self.operation, CaptureRequest | VoidRequest | ExtensionRequest):
            self.holds[HOLD] = hold
            self.account(ANNS, held=200, hold_steps=1)

    def ask(self, **changes: Any) -> None:
        """Change the operation."""
        self.operation = replace(self.operation, **changes)

    def ask_leg(self, **changes: Any) -> None:
        """Change the first leg of the journal."""
        self.ask(legs=(replace(self.operation.legs[0], **changes), *self.operation.legs[1:]))

    def account(self, account: UUID, **changes: Any) -> None:
        """Change an account."""
        self.accounts[account] = self.accounts[account]._replace(**changes)

    def hold(self, **changes: Any) -> None:
        """Change the hold."""
        if HOLD in self.holds:
            self.holds[HOLD] = self.holds[HOLD]._replace(**changes)

    def books(self) -> Books:
        effective = getattr(self.operation, "effective_at", None)
        late = [effective] if effective and effective < NOW else []
        return Books(
            sequence=1,
            moved_at=NOW - HOUR,
            closed_until=self.closed_until,
            accounts={a.id: a.state for a in self.accounts.values()},
            system=SYSTEM,
            timelines={
                account: Timeline(late, [balance], [balance], self.cut) for account, balance in self.was.items() if late
            },
            transfers=self.transfers,
            reversed=self.reversed,
            journals=self.journals,
            holds=self.holds,
            steps=self.steps,
        )


Spoiler = Callable[[Scene], object]


def _lose(account: UUID) -> Spoiler:
    return lambda s: s.accounts.pop(account, None)


def _change(account: UUID, **changes: Any) -> Spoiler:
    return lambda s: s.account(account, **changes)


def _ask(**changes: Any) -> Spoiler:
    return lambda s: s.ask(**changes)


def _close_period(s: Scene) -> None:
    s.closed_until = NOW - HOUR / 2
    s.ask(effective_at=s.operation.effective_at or NOW - 2 * HOUR)


def _date_before_many_entries(s: Scene) -> None:
    s.cut = NOW
    s.ask(effective_at=s.operation.effective_at or NOW - HOUR)


def _was(account: UUID, balance: int, **changes: Any) -> Spoiler:
    def spoil(s: Scene) -> None:
        s.was[account] = balance
        s.account(account, **changes)
        s.ask(effective_at=s.operation.effective_at or NOW - HOUR)

    return spoil


# What every movement is asked, wherever it comes from: Ann gives, Bob takes.
MOVEMENT: dict[Refusal, Spoiler] = {
    Refusal.DEBIT_ACCOUNT_CLOSED: _change(ANNS, closed_at=NOW),
    Refusal.CREDIT_ACCOUNT_CLOSED: _change(BOBS, closed_at=NOW),
    Refusal.DEBIT_ACCOUNT_FROZEN: _change(ANNS, frozen="out"),
    Refusal.CREDIT_ACCOUNT_FROZEN: _change(BOBS, frozen="both"),
    Refusal.EFFECTIVE_IN_FUTURE: _ask(effective_at=NOW + HOUR),
    Refusal.EFFECTIVE_TOO_EARLY: _ask(effective_at=datetime(1969, 12, 31, tzinfo=UTC)),
    Refusal.PERIOD_CLOSED: _close_period,
    Refusal.TOO_MANY_LATER_ENTRIES: _date_before_many_entries,
    Refusal.INSUFFICIENT_FUNDS: _change(ANNS, floor=901),
    Refusal.CEILING_EXCEEDED: _change(BOBS, ceiling=99),
    Refusal.BALANCE_OVERFLOW: _change(ANNS, floor=None, balance=-BALANCE_LIMIT + 99),
    Refusal.INSUFFICIENT_FUNDS_THEN: _was(ANNS, 99),
    Refusal.CEILING_EXCEEDED_THEN: _was(BOBS, 901, ceiling=1000),
}
ACCOUNTS: dict[Refusal, Spoiler] = {
    Refusal.SAME_ACCOUNT: _ask(credit_account=ANNS),
    Refusal.DEBIT_ACCOUNT_NOT_FOUND: _lose(ANNS),
    Refusal.CREDIT_ACCOUNT_NOT_FOUND: _lose(BOBS),
    Refusal.CURRENCY_MISMATCH: _ask(currency="JPY"),
}
TRANSFER = TransferRequest(ASKED, ANNS, BOBS, 100, "EUR", ANN)
PAIR = ExchangeRequest(SECOND, THIRD, ANNS, BOBS_DOLLARS, 100, "EUR", 110, "USD", Decimal("1.1"))
TOO_MANY = tuple(replace(TRANSFER, id=UUID(int=1000 + n), amount=1) for n in range(JOURNAL_LIMIT - 1))

TABLE: dict[str, tuple[Operation, dict[Refusal, Spoiler]]] = {
    "transfer": (
        TRANSFER,
        {
            Refusal.TRANSFER_ID_REUSED: lambda s: s.transfers.update({ASKED: _posted(ASKED, ANNS, BOBS)}),
            **ACCOUNTS,
            **MOVEMENT,
        },
    ),
    "transfer of a user": (
        TRANSFER,
        {Refusal.DEBIT_ACCOUNT_NOT_FOUND: _ask(authorised_by=BOB), Refusal.CREDIT_ACCOUNT_NOT_FOUND: _lose(BOBS)},
    ),
    "transfer of the system's own": (
        TransferRequest(ASKED, FX[0], BOBS, 100, "EUR"),
        {Refusal.SAME_ACCOUNT: _ask(credit_account=UUID(int=30)), Refusal.CURRENCY_MISMATCH: _ask(currency="JPY")},
    ),
    "transfer out of a clearing account": (
        TransferRequest(ASKED, SANDBOX, BOBS, 100, "EUR"),
        {
            Refusal.SAME_ACCOUNT: _ask(credit_account=SANDBOX),
            Refusal.DEBIT_ACCOUNT_NOT_FOUND: _ask(authorised_by=ANN),
            Refusal.CREDIT_ACCOUNT_NOT_FOUND: _lose(BOBS),
            Refusal.DEBIT_ACCOUNT_FROZEN: _change(SYSTEM[SANDBOX], frozen="out"),
        },
    ),
    "journal of a user out of a clearing account": (
        JournalRequest(ASKED, (TransferRequest(FOURTH, SANDBOX, BOBS, 100, "EUR"),)),
        {Refusal.DEBIT_ACCOUNT_NOT_FOUND: _ask(authorised_by=BOB), Refusal.CREDIT_ACCOUNT_NOT_FOUND: _lose(BOBS)},
    ),
    "transfer up to the limit": (TRANSFER, {Refusal.BALANCE_OVERFLOW: _change(BOBS, balance=BALANCE_LIMIT - 99)}),
    "reversal": (
        ReversalRequest(ASKED, ORIGINAL, 100),
        {
            Refusal.TRANSFER_ID_REUSED: lambda s: s.transfers.update({ASKED: _posted(ASKED, ANNS, BOBS)}),
            Refusal.TRANSFER_NOT_FOUND: lambda s: s.transfers.pop(ORIGINAL),
            Refusal.ALREADY_REVERSED: lambda s: s.reversed.update({ORIGINAL: 100}),
            Refusal.EXCEEDS_ORIGINAL: _ask(amount=101),
            **MOVEMENT,
        },
    ),
    "journal": (
        JournalRequest(ASKED, (replace(TRANSFER, id=FOURTH), PAIR), authorised_by=ANN),
        {
            # The rules about a journal itself come before those about its legs.
            Refusal.JOURNAL_ID_REUSED: lambda s: s.journals.update(
                {ASKED: PostedJournal(ASKED, (), (), None, None, b"another", NOW)}
            ),
            Refusal.TOO_MANY_TRANSFERS: lambda s: s.ask(legs=(*s.operation.legs, *TOO_MANY)),
            Refusal.TRANSFER_ID_REUSED: lambda s: s.transfers.update({FOURTH: _posted(FOURTH, ANNS, BOBS)}),
            Refusal.SAME_ACCOUNT: lambda s: s.ask_leg(credit_account=ANNS),
            Refusal.DEBIT_ACCOUNT_NOT_FOUND: _lose(ANNS),
            Refusal.CREDIT_ACCOUNT_NOT_FOUND: _lose(BOBS),
            Refusal.CURRENCY_MISMATCH: lambda s: s.ask_leg(currency="JPY"),
            **MOVEMENT,
        },
    ),
    "exchange": (
        JournalRequest(ASKED, (PAIR,)),
        {
            Refusal.TRANSFER_ID_REUSED: lambda s: s.transfers.update({SECOND: _posted(SECOND, ANNS, BOBS)}),
            Refusal.SAME_CURRENCY: lambda s: s.ask_leg(bought_currency="EUR"),
            Refusal.RATE_MISMATCH: lambda s: s.ask_leg(bought=109),
            Refusal.DEBIT_ACCOUNT_NOT_FOUND: _lose(ANNS),
            Refusal.CURRENCY_MISMATCH: _change(ANNS, currency="JPY"),
            Refusal.INSUFFICIENT_FUNDS: _change(ANNS, floor=901),
        },
    ),
    "hold": (
        HoldRequest(HOLD, ANNS, BOBS, 100, "EUR", NOW + HOUR, ANN),
        {
            Refusal.HOLD_ID_REUSED: lambda s: s.holds.update({HOLD: _other_hold()}),
            Refusal.EXPIRY_IN_PAST: _ask(expires_at=NOW),
            **ACCOUNTS,
            Refusal.DEBIT_ACCOUNT_CLOSED: MOVEMENT[Refusal.DEBIT_ACCOUNT_CLOSED],
            Refusal.CREDIT_ACCOUNT_CLOSED: MOVEMENT[Refusal.CREDIT_ACCOUNT_CLOSED],
            Refusal.DEBIT_ACCOUNT_FROZEN: MOVEMENT[Refusal.DEBIT_ACCOUNT_FROZEN],
            Refusal.CREDIT_ACCOUNT_FROZEN: MOVEMENT[Refusal.CREDIT_ACCOUNT_FROZEN],
            Refusal.INSUFFICIENT_FUNDS: _change(ANNS, floor=901),
        },
    ),
    "hold for a clearing account": (
        HoldRequest(HOLD, ANNS, SANDBOX, 100, "EUR", NOW + HOUR),
        {
            Refusal.DEBIT_ACCOUNT_NOT_FOUND: _ask(authorised_by=BOB),
            Refusal.CREDIT_ACCOUNT_CLOSED: _change(SYSTEM[SANDBOX], closed_at=NOW),
        },
    ),
    "hold for the same account by its name": (
        HoldRequest(HOLD, ANNS, SANDBOX, 100, "EUR", NOW + HOUR),
        {Refusal.SAME_ACCOUNT: _ask(debit_account=SYSTEM[SANDBOX]), Refusal.CURRENCY_MISMATCH: _ask(currency="JPY")},
    ),
    "hold without a floor": (
        HoldRequest(HOLD, ANNS, BOBS, 100, "EUR", NOW + HOUR, ANN),
        {Refusal.BALANCE_OVERFLOW: _change(ANNS, floor=None, held=BALANCE_LIMIT - 99)},
    ),
    "capture": (
        CaptureRequest(ASKED, HOLD, 100),
        {
            Refusal.TRANSFER_ID_REUSED: lambda s: s.transfers.update({ASKED: _posted(ASKED, ANNS, BOBS)}),
            Refusal.HOLD_NOT_FOUND: lambda s: s.holds.pop(HOLD),
            Refusal.HOLD_EXPIRED: lambda s: s.hold(remaining=0, status="expired"),
            Refusal.HOLD_NOT_PENDING: lambda s: s.hold(remaining=0, status="voided"),
            Refusal.EXCEEDS_HOLD: _ask(amount=201),
            **MOVEMENT,
            Refusal.INSUFFICIENT_FUNDS: _change(ANNS, balance=199, floor=0),
        },
    ),
    "capture at the instant of expiry": (
        CaptureRequest(ASKED, HOLD, 100),
        {Refusal.HOLD_EXPIRED: lambda s: s.hold(expires_at=NOW), Refusal.EXCEEDS_HOLD: _ask(amount=201)},
    ),
    "void": (
        VoidRequest(ASKED, HOLD),
        {
            Refusal.OPERATION_ID_REUSED: lambda s: s.steps.update({ASKED: KnownStep(HOLD, b"another")}),
            Refusal.HOLD_NOT_FOUND: lambda s: s.holds.pop(HOLD),
            Refusal.HOLD_EXPIRED: lambda s: s.hold(expires_at=NOW),
            Refusal.HOLD_NOT_PENDING: lambda s: s.hold(remaining=0, status="captured"),
        },
    ),
    "extension": (
        ExtensionRequest(ASKED, HOLD, NOW + 2 * HOUR),
        {
            Refusal.OPERATION_ID_REUSED: lambda s: s.steps.update({ASKED: KnownStep(HOLD, b"another")}),
            Refusal.HOLD_NOT_FOUND: lambda s: s.holds.pop(HOLD),
            Refusal.HOLD_EXPIRED: lambda s: s.hold(expires_at=NOW),
            Refusal.HOLD_NOT_PENDING: lambda s: s.hold(remaining=0, status="captured"),
            Refusal.EXPIRY_NOT_LATER: _ask(expires_at=NOW + HOUR),
        },
    ),
}
ORDER = list(Refusal)
_BALANCES = {Refusal.INSUFFICIENT_FUNDS, Refusal.CEILING_EXCEEDED, Refusal.BALANCE_OVERFLOW}
_PAST = ORDER[ORDER.index(Refusal.EFFECTIVE_TOO_EARLY) :]
# A date is not in the past and in the future, nor has a hold both expired and been voided.
_IMPOSSIBLE = {(Refusal.EFFECTIVE_IN_FUTURE, refusal) for refusal in _PAST if refusal not in _BALANCES} | {
    (Refusal.HOLD_EXPIRED, Refusal.HOLD_NOT_PENDING)
}


def _other_hold() -> Hold:
    return Hold(HOLD, ANNS, BOBS, 7, "EUR", None, b"another", NOW - HOUR, 0, 7, "pending", NOW + HOUR, 1)


def _refusal_of(operation: Operation, *spoilers: Spoiler) -> Refusal | None:
    scene = Scene(operation)
    for spoil in spoilers:
        spoil(scene)
    decided = decide(scene.books(), [scene.operation], NOW)
    [outcome] = decided.outcomes
    if not isinstance(outcome, Refused):
        return None
    assert (decided.postings, decided.placed, decided.journals, decided.sequence) == ([], [], [], 1)
    return outcome.refusal


ROWS = [(name, refusal) for name, (_, spoilers) in TABLE.items() for refusal in spoilers]
PAIRS = [
    (name, earlier, later)
    for name, (_, spoilers) in TABLE.items()
    for earlier, later in combinations(spoilers, 2)
    if (earlier, later) not in _IMPOSSIBLE
]


def test_the_table_covers_every_refusal_and_each_has_a_sentence() -> None:
    assert {refusal for _, refusal in ROWS} == set(Refusal)
    assert all(refusal.detail for refusal in Refusal)


@pytest.mark.parametrize("name", [name for name in TABLE if name != "journal"])
def test_each_operation_asks_in_the_documented_order(name: str) -> None:
    refusals = list(TABLE[name][1])
    assert refusals == sorted(refusals, key=ORDER.index)


@pytest.mark.parametrize("name", TABLE)
def test_what_breaks_no_rule_is_taken(name: str) -> None:
    assert _refusal_of(TABLE[name][0]) is None


@pytest.mark.parametrize(("name", "refusal"), ROWS, ids=[f"{name}-{refusal.value}" for name, refusal in ROWS])
def test_one_broken_rule_refuses(name: str, refusal: Refusal) -> None:
    operation, spoilers = TABLE[name]
    assert _refusal_of(operation, spoilers[refusal]) is refusal


@pytest.mark.parametrize(("name", "earlier", "later"), PAIRS, ids=[f"{n}-{e.value}-{s.value}" for n, e, s in PAIRS])
def test_of_two_broken_rules_the_earlier_refuses(name: str, earlier: Refusal, later: Refusal) -> None:
    operation, spoilers = TABLE[name]
    assert _refusal_of(operation, spoilers[later], spoilers[earlier]) is earlier
