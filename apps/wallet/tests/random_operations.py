"""Random operations on a small world of accounts: few ids, few amounts and few instants, so that they meet often."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st

from apps.wallet.domain.account import Account, SystemAccount, new_system_account, new_wallet
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
from apps.wallet.tests.naive_ledger import NaiveAccount, NaiveLedger
from contracts.wallet import BALANCE_LIMIT, AccountKind

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Operations are asked at whole seconds from then on."""


def numbered(number: int) -> UUID:
    """Return a UUID of version 7."""
    return UUID(int=0x0190 << 112 | 7 << 76 | 2 << 62 | number)


ANN, BOB = numbered(1), numbered(2)
ANNS, BOBS, ANNS_DOLLARS, BOBS_DOLLARS, CAPPED, SOURCE, BRIMFUL, DEEP, NOWHERE = (numbered(n) for n in range(11, 20))
FX = [SystemAccount(AccountKind.FX, currency) for currency in ("EUR", "USD")]
NAMED = [
    SystemAccount(kind, currency, processor)
    for kind, processor in ((AccountKind.CLEARING, "sandbox"), (AccountKind.FEES, None))
    for currency in ("EUR", "USD")
]
"""What commands may name by what it is for."""
WORLD: dict[UUID | SystemAccount, NaiveAccount] = {
    ANNS: NaiveAccount("EUR", ANN, floor=0),
    BOBS: NaiveAccount("EUR", BOB, floor=0),
    ANNS_DOLLARS: NaiveAccount("USD", ANN, floor=0),
    BOBS_DOLLARS: NaiveAccount("USD", BOB, floor=0),
    CAPPED: NaiveAccount("EUR", floor=-50, ceiling=150),
    SOURCE: NaiveAccount("EUR"),
    FX[0]: NaiveAccount("EUR"),
    FX[1]: NaiveAccount("USD"),
    **{name: NaiveAccount(name.currency) for name in NAMED},
}
EXTREMES = (BRIMFUL, DEEP)
# Of these two, what no transfers of at most a million million each could bring about in a test.
BEGAN_WITH: dict[UUID | SystemAccount, int] = {
    ANNS: 200, SOURCE: -200, BOBS_DOLLARS: 100, FX[1]: -100,
    BRIMFUL: BALANCE_LIMIT - 100, DEEP: -BALANCE_LIMIT + 100,
}  # fmt: skip


def account_of(name: UUID | SystemAccount, number: int, facts: NaiveAccount) -> Account:
    """Return the account as the real rules know it."""
    if isinstance(name, SystemAccount):
        return new_system_account(numbered(90 + number), name, START)
    if facts.owner:
        return new_wallet(name, facts.owner, facts.currency, START)
    general = SystemAccount(AccountKind.GENERAL, facts.currency)
    return new_system_account(name, general, START)._replace(floor=facts.floor, ceiling=facts.ceiling)


_EUROS = st.sampled_from([ANNS, BOBS, CAPPED, SOURCE])
_ANY = st.sampled_from([ANNS, BOBS, CAPPED, SOURCE, ANNS_DOLLARS, BOBS_DOLLARS, BRIMFUL, DEEP, NOWHERE])
_NAMED = st.sampled_from(NAMED)
_USERS = st.sampled_from([None, None, None, ANN, BOB])
_AMOUNTS = st.sampled_from([1, 5, 10, 10, 30, 50, 100, 150, 10**12])
_CURRENCIES = st.sampled_from(["EUR", "EUR", "EUR", "EUR", "EUR", "USD"])
_IDS = st.integers(0, 99).map(numbered)
_REFERENCES = st.sampled_from([None, None, numbered(500)])
_DATES = st.sampled_from([None, None]) | st.integers(-6, 80).map(lambda half: START + timedelta(seconds=half / 2))
_EXPIRIES = st.integers(15, 80).map(lambda second: START + timedelta(seconds=second))

Request = TypeVar("Request", TransferRequest, HoldRequest)


def _in_its_currency(request: Request) -> Request:
    """Return the request with the system's accounts in its own currency: a command names no other."""
    sides = {side: getattr(request, side) for side in ("debit_account", "credit_account")}
    named = {side: name for side, name in sides.items() if isinstance(name, SystemAccount)}
    changes: dict[str, Any] = {side: name._replace(currency=request.currency) for side, name in named.items()}
    return replace(request, **changes)


_transfers = st.builds(
    TransferRequest, _IDS, _EUROS | _ANY | _NAMED, _EUROS | _ANY | _NAMED, _AMOUNTS, _CURRENCIES, _USERS, _REFERENCES,
    _DATES, st.sampled_from([None, None, {"order": "7"}]),
).map(_in_its_currency)  # fmt: skip
_good_transfers = st.builds(
    TransferRequest, _IDS, st.sampled_from([ANNS, BOBS, SOURCE]), _EUROS, _AMOUNTS, st.just("EUR"), effective_at=_DATES
)
_reversals = st.builds(ReversalRequest, _IDS, _IDS, st.sampled_from([None, 1, 5, 10]), _REFERENCES, _DATES)
_exchanges = st.builds(
    ExchangeRequest, _IDS, _IDS, st.sampled_from([ANNS, BOBS]), st.sampled_from([ANNS_DOLLARS, BOBS_DOLLARS, NOWHERE]),
    st.just(10), st.just("EUR"), st.sampled_from([11, 11, 11, 12]), st.sampled_from(["USD", "USD", "USD", "EUR"]),
    st.sampled_from([Decimal("1.1"), Decimal("1.1"), Decimal("1.05")]),
)  # fmt: skip
_legs = st.builds(
    TransferRequest, _IDS, st.sampled_from([ANNS, BOBS, SOURCE, *NAMED]), _EUROS | _NAMED, _AMOUNTS, st.just("EUR")
).map(_in_its_currency)
_journals = st.builds(
    JournalRequest, _IDS, st.lists(_legs | _legs | _exchanges, min_size=1, max_size=4).map(tuple), _REFERENCES, _DATES,
    st.none(), _USERS,
)  # fmt: skip
_holds = st.builds(
    HoldRequest, _IDS, _EUROS | _ANY, _EUROS | _ANY | _NAMED, _AMOUNTS, _CURRENCIES, _EXPIRIES, _USERS
).map(_in_its_currency)
_good_holds = st.builds(
    HoldRequest, _IDS, st.sampled_from([ANNS, BOBS, SOURCE]), _EUROS | _NAMED, _AMOUNTS, st.just("EUR"), _EXPIRIES
).map(_in_its_currency)
# Dated back to few instants, so that they meet there, and with what one of them has left.
_LATE = st.sampled_from([START + timedelta(seconds=second) for second in (5.5, 12, 19.5)])
_PRESSED = st.sampled_from([ANNS, BOBS, CAPPED])
_late_transfers = st.builds(
    TransferRequest, _IDS, _PRESSED, _PRESSED, st.sampled_from([30, 50, 100]), st.just("EUR"), effective_at=_LATE
)
_late_journals = st.builds(
    JournalRequest, _IDS,
    st.lists(st.builds(TransferRequest, _IDS, _PRESSED, _PRESSED, st.sampled_from([30, 50, 100]), st.just("EUR")),
             min_size=2, max_size=3).map(tuple),
    effective_at=_LATE,
)  # fmt: skip
_captures = st.builds(
    CaptureRequest, _IDS, _IDS, st.sampled_from([None, 1, 5, 10, 50]), st.booleans(), _REFERENCES, _DATES
)
_voids = st.builds(VoidRequest, _IDS, _IDS)
_extensions = st.builds(ExtensionRequest, _IDS, _IDS, _EXPIRIES)

OPERATIONS = st.one_of(
    _transfers, _good_transfers, _good_transfers, _reversals, _journals, _holds, _good_holds, _good_holds, _captures,
    _captures, _voids, _extensions, _late_transfers, _late_transfers, _late_transfers, _late_journals,
)  # fmt: skip
"""One operation, whose ids are still numbers from 0 to 99 that `Ids` gives a meaning."""

ACCOUNTS = st.sampled_from([ANNS, BOBS, CAPPED, SOURCE, ANNS_DOLLARS])
"""An account for an operator to change."""


BEGINNING = (
    TransferRequest(numbered(0), SOURCE, ANNS, 100, "EUR"),
    TransferRequest(numbered(0), ANNS, BOBS, 100, "EUR", ANN),
    TransferRequest(numbered(0), SOURCE, ANNS, 50, "EUR", effective_at=START + timedelta(seconds=5.5)),
    HoldRequest(numbered(0), ANNS, BOBS, 30, "EUR", START + timedelta(seconds=25)),
    HoldRequest(numbered(0), BOBS, ANNS, 60, "EUR", START + timedelta(seconds=40)),
    HoldRequest(numbered(0), SOURCE, CAPPED, 50, "EUR", START + timedelta(seconds=60)),
)
"""What every random ledger begins with, so that there is something to reverse and to capture."""


class Ids:
    """Gives ids: to an operation mostly a new one, to what it is about mostly one that is there."""

    def __init__(self, ledger: NaiveLedger) -> None:
        self._ledger = ledger
        self._given = 1000
        self._transfers, self._journals, self._holds, self._steps = (list[UUID]() for _ in range(4))

    def named(self, operation: Operation) -> Operation:
        """Return the operation with its ids."""
        match operation:
            case TransferRequest():
                return replace(operation, id=self._new(operation.id, self._transfers))
            case ReversalRequest():
                reverses = self._old(operation.reverses, [t.id for t in self._ledger.transfers], self._transfers)
                return replace(operation, id=self._new(operation.id, self._transfers), reverses=reverses)
            case JournalRequest():
                legs = tuple(self._named_leg(leg) for leg in operation.legs)
                return replace(operation, id=self._new(operation.id, self._journals), legs=legs)
            case HoldRequest():
                return replace(operation, id=self._new(operation.id, self._holds))
            case CaptureRequest():
                hold = self._old(operation.hold_id, [*self._ledger.holds], self._holds)
                return replace(operation, id=self._new(operation.id, self._transfers), hold_id=hold)
            case VoidRequest() | ExtensionRequest():
                hold = self._old(operation.hold_id, [*self._ledger.holds], self._holds)
                return replace(operation, id=self._new(operation.id, self._steps), hold_id=hold)

    def _named_leg(self, leg: TransferRequest | ExchangeRequest) -> TransferRequest | ExchangeRequest:
        if isinstance(leg, TransferRequest):
            return replace(leg, id=self._new(leg.id, self._transfers))
        sell, buy = (self._new(i, self._transfers) for i in (leg.sell_id, leg.buy_id))
        return replace(leg, sell_id=sell, buy_id=buy)

    def _new(self, number: UUID, given: list[UUID]) -> UUID:
        place = number.int & 0xFF
        anything = [*given, *self._transfers[-1:], *self._journals[-1:], *self._holds[-1:], *self._steps[-1:]]
        if place >= 90 and anything:
            return anything[place % len(anything)]
        self._given += 1
        given.append(numbered(self._given))
        return given[-1]

    def _old(self, number: UUID, there: Sequence[UUID], given: Sequence[UUID]) -> UUID:
        """Return one of the newest that are there, or were asked for in the same batch."""
        newest = [*there[-6:], *given[-2:], NOWHERE]
        return newest[(number.int & 0xFF) % len(newest)]
