"""The rules against an obviously correct ledger: in any batches and splits they answer and leave what it does."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apps.wallet.domain.account import SystemAccount
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.operation import ExtensionRequest, HoldRequest, Operation, VoidRequest
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

EXAMPLES, STEPS = 80, 40
ASKED, CUTS = st.lists(OPERATIONS, min_size=4, max_size=16), st.sets(st.integers(1, 17))


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


class Pair:
    """A real ledger, and the naive one that is asked the same at the same times."""

    def __init__(self) -> None:
        self.naive, self.real = NaiveLedger(_world()), _ledger()

    def ask(self, operations: Sequence[Operation], cuts: set[int], now: datetime) -> list[Answer]:
        """Ask in batches that are cut as given, and check the answers."""
        answers: list[Answer] = []
        bounds = sorted({0, *(min(cut, len(operations)) for cut in cuts), len(operations)})
        for start, end in pairwise(bounds):
            moment = self.naive.moment(now)
            expected = [self.naive.carry_out(operation, moment) for operation in operations[start:end]]
            assert self.real.carry_out(operations[start:end], now) == expected
            answers += expected
        return answers

    def change(self, account: UUID, **changes: Any) -> None:
        """Change an account as an operator does."""
        for name, value in changes.items():
            setattr(self.naive.accounts[account], name, value)
        facts = {("closed_at" if name == "closed" else name): value for name, value in changes.items()}
        self.real.accounts[account] = self.real.accounts[account]._replace(**facts)


class Ledgers(RuleBasedStateMachine):
    """Three pairs: asked in whole batches, in batches cut anywhere, and one by one.

    One by one, operations are a tick apart. That makes no difference, but to what is dated back among them: it may find
    an instant between two of them at which there was too little. So each pair has its own naive ledger, and only where
    nothing is dated must all pairs answer the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = START + timedelta(seconds=20)
        self.whole, self.cut, self.single = self.pairs = Pair(), Pair(), Pair()
        self.ids = Ids(self.whole.naive)
        self.history: list[Operation] = []
        self.dated = True

    @initialize(dated=st.booleans())
    def begin(self, dated: bool) -> None:
        self.dated = dated
        self.ask(list(BEGINNING), [], set())

    @rule(asked=ASKED, again=st.lists(st.integers(0, 10_000), max_size=2), cuts=CUTS)
    def ask(self, asked: list[Operation], again: list[int], cuts: set[int]) -> None:
        named = [self.ids.named(operation if self.dated else _undated(operation)) for operation in asked]
        self.history += named
        operations = named + [self.history[n % len(self.history)] for n in again]
        whole = self.whole.ask(operations, set(), self.now)
        cut = self.cut.ask(operations, cuts, self.now)
        single = self.single.ask(operations, set(range(len(operations))), self.now)
        assert self.dated or whole == cut == single

    @rule(seconds=st.integers(1, 6), asked=ASKED, cuts=CUTS)
    def ask_later(self, seconds: int, asked: list[Operation], cuts: set[int]) -> None:
        self.now += timedelta(seconds=seconds)
        self.ask(asked, [], cuts)

    @rule(asked=ASKED, cuts=CUTS)
    def ask_after_a_sweep(self, asked: list[Operation], cuts: set[int]) -> None:
        self.whole.real.sweep(self.now)
        self.ask(asked, [], cuts)

    @rule(account=ACCOUNTS, direction=st.sampled_from(["none", "none", "in", "out", "both"]))
    def freeze(self, account: UUID, direction: str) -> None:
        for pair in self.pairs:
            pair.change(account, frozen=direction)

    @rule(account=ACCOUNTS, floor=st.sampled_from([None, 0, -50, 20]), ceiling=st.sampled_from([None, 150, 400]))
    def limit(self, account: UUID, floor: int | None, ceiling: int | None) -> None:
        for pair in self.pairs:
            balance, held = pair.naive.balance(account), pair.naive.held(account, self.now)
            if (floor is None or balance - held >= floor) and (ceiling is None or balance <= ceiling):
                pair.change(account, floor=floor, ceiling=ceiling)

    @rule(account=ACCOUNTS)
    def close(self, account: UUID) -> None:
        for pair in self.pairs:
            if pair.naive.balance(account) == pair.naive.held(account, self.now) == 0:
                pair.real.sweep(self.now)
                pair.change(account, closed=True)

    @precondition(lambda self: len(self.history) > 15)
    @rule(ago=st.integers(0, 30))
    def close_period(self, ago: int) -> None:
        until = self.now - timedelta(seconds=ago)
        for pair in self.pairs:
            pair.naive.closed_until = max(until, pair.naive.closed_until or until)
            pair.real.closed_until = pair.naive.closed_until

    @invariant()
    def the_states_are_the_same(self) -> None:
        for pair in self.pairs:
            assert _state(pair.real, self.now) == _naive_state(pair.naive, self.now)
        balances = [{name: pair.naive.balance(name) for name in pair.naive.accounts} for pair in self.pairs]
        assert self.dated or balances[0] == balances[1] == balances[2]

    @invariant()
    def the_books_balance(self) -> None:
        for pair in self.pairs:
            _check_books(pair.real)

    def teardown(self) -> None:
        for pair in self.pairs:
            naive = pair.naive
            pair.real.sweep(self.now)
            expired = [i for i, h in naive.holds.items() if naive.status(h, self.now) == "expired"]
            assert sorted(pair.real.expired) == sorted(expired)  # each once, whether lazily or by the sweeper


def _undated(operation: Operation) -> Operation:
    if isinstance(operation, HoldRequest | VoidRequest | ExtensionRequest):
        return operation
    return replace(operation, effective_at=None)


def _naive_state(naive: NaiveLedger, now: datetime) -> dict[str, object]:
    return {
        "balances": {name: naive.balance(name) for name in naive.accounts},
        "held": {name: naive.held(name, now) for name in naive.accounts},
        "transfers": [
            (t.id, t.debit, t.credit, t.amount, t.currency, t.effective_at, t.posted_at, t.hold, t.reverses)
            for t in naive.transfers
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
            (t.id, names[t.debit_account], names[t.credit_account], t.amount, t.currency, t.effective_at, t.posted_at,
             t.hold_id, t.reverses)
            for t in ledger.transfers
        ],
        "holds": {i: hold_facts(swept.get(i, h)) for i, h in ledger.holds.items()},
        "refusals": {i: (r.refusal.value, r.leg) for i, r in ledger.refusals.items()},
    }  # fmt: skip


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
