"""The rules against an obviously correct ledger: in any batches and splits they answer and leave what it does.

Three real ledgers are asked the same as the naive one: in whole batches, in batches cut anywhere, and one by one. The
first is swept of expired holds now and then, the others never.
"""

from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from apps.wallet.domain.account import SystemAccount
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.operation import Operation
from apps.wallet.tests.books_in_memory import BooksInMemory, hold_facts
from apps.wallet.tests.naive_ledger import Answer, NaiveAccount, NaiveLedger
from apps.wallet.tests.random_operations import (
    ACCOUNTS,
    BEGAN_WITH,
    BEGINNING,
    EXTREMES,
    OPERATIONS,
    START,
    WORLD,
    Ids,
    account_of,
)

EXAMPLES, STEPS = 120, 25
ASKED, CUTS = st.lists(OPERATIONS, min_size=1, max_size=12), st.sets(st.integers(1, 13))


def _world() -> dict[UUID | SystemAccount, NaiveAccount]:
    extremes: dict[UUID | SystemAccount, NaiveAccount] = {name: NaiveAccount("EUR") for name in EXTREMES}
    world = deepcopy(WORLD) | extremes
    for name, account in world.items():
        account.began_with = BEGAN_WITH.get(name, 0)
    return world


def _ledger() -> BooksInMemory:
    facts = {name: (account_of(name, n, a), a) for n, (name, a) in enumerate(_world().items())}
    return BooksInMemory(
        {a.id: a._replace(balance=f.began_with) for a, f in facts.values()},
        {name: account.id for name, (account, _) in facts.items() if isinstance(name, SystemAccount)},
        START - timedelta(days=1),
    )


class Ledgers(RuleBasedStateMachine):
    """The naive ledger, and the real ones that are to agree with it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START + timedelta(seconds=20)
        self.naive = NaiveLedger(_world())
        self.whole, self.cut, self.single = _ledger(), _ledger(), _ledger()
        self.ids = Ids(self.naive)
        self.history: list[Operation] = []
        self.ask(list(BEGINNING), [], set())

    @property
    def ledgers(self) -> tuple[BooksInMemory, ...]:
        return self.whole, self.cut, self.single

    @rule(asked=ASKED, again=st.lists(st.integers(0, 10_000), max_size=2), cuts=CUTS)
    def ask(self, asked: list[Operation], again: list[int], cuts: set[int]) -> None:
        named = [self.ids.named(operation) for operation in asked]
        self.history += named
        operations = named + [self.history[n % len(self.history)] for n in again]
        answers = [self.naive.carry_out(operation, self.now) for operation in operations]
        assert self.whole.carry_out(operations, self.now) == answers
        assert self._in_parts(self.cut, operations, cuts) == answers
        assert self._in_parts(self.single, operations, set(range(len(operations)))) == answers

    def _in_parts(self, ledger: BooksInMemory, operations: Sequence[Operation], cuts: set[int]) -> list[Answer]:
        bounds = sorted({0, *(min(cut, len(operations)) for cut in cuts), len(operations)})
        return [answer for a, b in pairwise(bounds) for answer in ledger.carry_out(operations[a:b], self.now)]

    @rule(seconds=st.integers(1, 6), asked=ASKED, cuts=CUTS)
    def ask_later(self, seconds: int, asked: list[Operation], cuts: set[int]) -> None:
        self.now += timedelta(seconds=seconds)
        self.ask(asked, [], cuts)

    @rule(asked=ASKED, cuts=CUTS)
    def ask_after_a_sweep(self, asked: list[Operation], cuts: set[int]) -> None:
        self.whole.sweep(self.now)
        self.ask(asked, [], cuts)

    @rule(account=ACCOUNTS, direction=st.sampled_from(["none", "none", "in", "out", "both"]))
    def freeze(self, account: UUID, direction: str) -> None:
        self.naive.accounts[account].frozen = direction
        for ledger in self.ledgers:
            ledger.accounts[account] = ledger.accounts[account]._replace(frozen=direction)

    @rule(account=ACCOUNTS, floor=st.sampled_from([None, 0, -50, 20]), ceiling=st.sampled_from([None, 150, 400]))
    def limit(self, account: UUID, floor: int | None, ceiling: int | None) -> None:
        balance = self.naive.balance(account)
        if (floor is None or balance - self.naive.held(account, self.now) >= floor) and balance <= (ceiling or balance):
            self.naive.accounts[account].floor, self.naive.accounts[account].ceiling = floor, ceiling
            for ledger in self.ledgers:
                ledger.accounts[account] = ledger.accounts[account]._replace(floor=floor, ceiling=ceiling)

    @rule(account=ACCOUNTS)
    def close(self, account: UUID) -> None:
        if self.naive.balance(account) == self.naive.held(account, self.now) == 0:
            self.naive.accounts[account].closed = True
            for ledger in self.ledgers:
                ledger.sweep(self.now)
                ledger.accounts[account] = ledger.accounts[account]._replace(closed_at=self.now)

    @precondition(lambda self: len(self.history) > 15)
    @rule(ago=st.integers(0, 30))
    def close_period(self, ago: int) -> None:
        until = self.now - timedelta(seconds=ago)
        self.naive.closed_until = max(until, self.naive.closed_until or until)
        for ledger in self.ledgers:
            ledger.closed_until = self.naive.closed_until

    @invariant()
    def they_agree(self) -> None:
        for ledger in self.ledgers:
            assert _state(ledger, self.now) == _naive_state(self.naive, self.now)

    @invariant()
    def the_books_balance(self) -> None:
        for ledger in self.ledgers:
            _check_books(ledger)

    def teardown(self) -> None:
        expired = {i for i, h in self.naive.holds.items() if self.naive.status(h, self.now) == "expired"}
        for ledger in self.ledgers:
            ledger.sweep(self.now)
            assert sorted(ledger.expired) == sorted(expired)  # each once, whether lazily or by the sweeper


def _naive_state(naive: NaiveLedger, now: datetime) -> dict[str, object]:
    return {
        "balances": {name: naive.balance(name) for name in naive.accounts},
        "held": {name: naive.held(name, now) for name in naive.accounts},
        "transfers": [
            (t.id, t.debit, t.credit, t.amount, t.currency, t.effective_at, t.hold, t.reverses) for t in naive.transfers
        ],
        "holds": {i: naive.hold_facts(i, now) for i in naive.holds},
        "refusals": {i: answer[1:] for i, (_, answer) in naive.refused.items()},
    }


def _state(ledger: BooksInMemory, now: datetime) -> dict[str, object]:
    names: dict[UUID, UUID | SystemAccount] = {i: i for i in ledger.accounts}
    names |= {i: name for name, i in ledger.system.items()}
    due = [h for h in ledger.holds.values() if h.remaining and h.expires_at <= now]
    swept = {h.id: h._replace(remaining=0, status="expired") for h in due}
    unswept = {i: sum(h.remaining for h in due if h.debit_account == i) for i in names}
    return {
        "balances": {name: ledger.accounts[i].balance for i, name in names.items()},
        "held": {name: ledger.accounts[i].held - unswept[i] for i, name in names.items()},
        "transfers": [
            (t.id, names[t.debit_account], names[t.credit_account], t.amount, t.currency,
             _without_ticks(t.effective_at), t.hold_id, t.reverses)
            for t in ledger.transfers
        ],
        "holds": {i: hold_facts(swept.get(i, h)) for i, h in ledger.holds.items()},
        "refusals": {i: (r.refusal.value, r.leg) for i, r in ledger.refusals.items()},
    }  # fmt: skip


def _without_ticks(moment: datetime) -> datetime:
    """Return the time that was asked at: each batch of one second is a microsecond later than the one before it."""
    return moment - timedelta(microseconds=moment.microsecond % 100_000)


def _check_books(ledger: BooksInMemory) -> None:
    """Check what no outside observer of the last balances would see."""
    running = {i: a.balance for i, a in _ledger().accounts.items()}
    for number, posted in enumerate(ledger.transfers, 1):
        running[posted.debit_account] -= posted.amount
        running[posted.credit_account] += posted.amount
        assert (posted.sequence, posted.debit_balance, posted.credit_balance) == (
            number, running[posted.debit_account], running[posted.credit_account],
        )  # fmt: skip
    assert all(earlier.posted_at <= later.posted_at for earlier, later in pairwise(ledger.transfers))
    for account in ledger.accounts.values():
        assert account.balance == running[account.id]
        assert account.floor is None or account.balance - account.held >= account.floor
        assert account.held == sum(_reserved(h) for h in ledger.holds.values() if h.debit_account == account.id)
    for currency in ("EUR", "USD"):
        assert sum(a.balance for a in ledger.accounts.values() if a.currency == currency) == 0
    for original in ledger.transfers:
        assert sum(t.amount for t in ledger.transfers if t.reverses == original.id) <= original.amount


def _reserved(hold: Hold) -> int:
    assert hold.captured + hold.remaining <= hold.amount
    return hold.remaining


def test_any_batches_agree_with_the_naive_ledger() -> None:
    run_state_machine_as_test(
        Ledgers, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    )
