"""The books while a batch of operations is decided: every balance moves, and every hold steps, through here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from apps.wallet.domain.account import Account, SystemAccount
from apps.wallet.domain.books import Books, Decided, KnownStep, Standing
from apps.wallet.domain.hold import Hold, HoldStep, status_after
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.timeline import BEGINNING
from apps.wallet.domain.transfer import Outcome, Posted, PostedJournal, Refused
from contracts.wallet import BALANCE_LIMIT, AccountKind, Direction

_TAKES_NOTHING = {Direction.IN.value, Direction.BOTH.value}
_GIVES_NOTHING = {Direction.OUT.value, Direction.BOTH.value}


class RefusedError(Exception):
    """Ends an operation that broke a rule."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Movement(NamedTuple):
    """A transfer before it is known whether its accounts allow it; `releases` is what it frees of a hold."""

    id: UUID
    debit_account: UUID | SystemAccount
    credit_account: UUID | SystemAccount
    amount: int
    currency: str
    reference: UUID | None
    fingerprint: bytes
    effective_at: datetime | None = None
    authorised_by: UUID | None = None
    metadata: dict[str, str] | None = None
    journal_id: UUID | None = None
    hold_id: UUID | None = None
    reverses: UUID | None = None
    reversed_total: int | None = None
    releases: int = 0


class Batch:
    """What the operations so far have left behind. `moment` is the time of the whole batch."""

    def __init__(self, books: Books, now: datetime) -> None:
        self.books = books
        self.moment = books.moment(now)
        self.sequence = books.sequence
        self.transfers = dict(books.transfers)
        self.reversed = dict(books.reversed)
        self.journals = dict(books.journals)
        self.holds = dict(books.holds)
        self.asked_steps = dict(books.steps)
        self.refused = dict(books.refusals)
        self.postings: list[Posted] = []
        self.new_journals: list[PostedJournal] = []
        self.steps: list[HoldStep] = []
        self.expired: list[UUID] = []
        self.refusals: list[Refused] = []
        self._standings: dict[UUID, Standing] = {}
        self._before: dict[UUID, Standing] | None = None

    # Accounts

    def debit(self, account: UUID | SystemAccount, authorised_by: UUID | None) -> Standing:
        """Return the account that is to give money: any, or one that `authorised_by` owns."""
        standing = self._standing(account)
        if standing is None:
            raise RefusedError(Refusal.DEBIT_ACCOUNT_NOT_FOUND)
        # Nobody owns a system account, so no user can authorise a transfer out of it; but an exchange goes through fx.
        if authorised_by and standing.account.owner != authorised_by and not _is_exchange(account):
            raise RefusedError(Refusal.DEBIT_ACCOUNT_NOT_FOUND)
        return standing

    def credit(self, account: UUID | SystemAccount) -> Standing:
        """Return the account that is to take money."""
        standing = self._standing(account)
        if standing is None:
            raise RefusedError(Refusal.CREDIT_ACCOUNT_NOT_FOUND)
        return standing

    def standing(self, account: UUID) -> Standing:
        """Return how an account stands that is known to exist."""
        standing = self._standing(account)
        if standing is None:
            raise LookupError(f"account {account} was not read")
        return standing

    def _standing(self, name: UUID | SystemAccount) -> Standing | None:
        identifier = name if isinstance(name, UUID) else self.books.system[name]
        standing = self._standings.get(identifier)
        if standing is None:
            account = self.books.accounts.get(identifier)
            if account is None:
                return None
            timeline = self.books.timelines.get(identifier)
            standing = self._standings[identifier] = Standing(
                account,
                account.balance,
                account.held,
                account.last_sequence,
                account.hold_steps,
                timeline.copy() if timeline else None,
            )
        return standing

    # Transfers

    def post(self, movement: Movement) -> Posted:
        """Move money, or raise RefusedError with the first rule that is broken, in the order of `Refusal`."""
        if movement.debit_account == movement.credit_account:
            raise RefusedError(Refusal.SAME_ACCOUNT)
        debit = self.debit(movement.debit_account, movement.authorised_by)
        credit = self.credit(movement.credit_account)
        if debit is credit:  # a system account, named once by what it is for and once by its id
            raise RefusedError(Refusal.SAME_ACCOUNT)
        check_open(debit, credit, movement.currency)
        effective_at = self._effective(movement.effective_at)
        late = effective_at < self.moment
        if late:
            check_depth(debit, credit, effective_at)
        check_balances(debit, credit, movement.amount, movement.releases)
        if late:
            check_history(debit, credit, movement.amount, effective_at)
        return self._post(movement, debit, credit, effective_at)

    def _effective(self, asked: datetime | None) -> datetime:
        if asked is None:
            return self.moment
        if asked > self.moment:
            raise RefusedError(Refusal.EFFECTIVE_IN_FUTURE)
        if asked < BEGINNING:
            raise RefusedError(Refusal.EFFECTIVE_TOO_EARLY)
        if self.books.closed_until and asked < self.books.closed_until:
            raise RefusedError(Refusal.PERIOD_CLOSED)
        return asked

    def _post(self, movement: Movement, debit: Standing, credit: Standing, effective_at: datetime) -> Posted:
        self._remember(debit)
        self._remember(credit)
        self.sequence += 1
        debit.balance -= movement.amount
        credit.balance += movement.amount
        debit.last_sequence = credit.last_sequence = self.sequence
        if effective_at < self.moment:
            for standing, amount in ((debit, -movement.amount), (credit, movement.amount)):
                if standing.timeline:
                    standing.timeline.move(effective_at, amount)
        posted = Posted(
            movement.id,
            debit.account.id,
            credit.account.id,
            movement.amount,
            movement.currency,
            movement.reference,
            movement.fingerprint,
            self.sequence,
            self.moment,
            debit.balance,
            credit.balance,
            effective_at,
            movement.journal_id,
            movement.hold_id,
            movement.reverses,
            movement.reversed_total,
            movement.metadata,
        )
        self.postings.append(posted)
        self.transfers[posted.id] = posted
        return posted

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back every transfer of the block when the block raises."""
        sequence, count = self.sequence, len(self.postings)
        self._before = {}
        try:
            yield
        except RefusedError:
            for posted in self.postings[count:]:
                del self.transfers[posted.id]
            del self.postings[count:]
            self.sequence = sequence
            self._standings |= self._before
            raise
        finally:
            self._before = None

    def _remember(self, standing: Standing) -> None:
        if self._before is not None and standing.account.id not in self._before:
            self._before[standing.account.id] = standing.copy()

    # Holds

    def step(
        self, hold: Hold, kind: str, *, amount: int, operation: UUID | None = None, fingerprint: bytes | None = None
    ) -> Hold:
        """Record that a hold is now as given, and move what is held on its account. Returns it with its status."""
        before = self.holds.get(hold.id)
        standing = self.standing(hold.debit_account)
        standing.held += hold.remaining - (before.remaining if before else 0)
        standing.hold_steps += 1
        after = hold._replace(status=status_after(kind, hold.remaining), steps=hold.steps + 1)
        self.steps.append(
            HoldStep(
                after.id,
                after.steps,
                kind,
                amount,
                after.captured,
                after.remaining,
                after.expires_at,
                after.debit_account,
                standing.hold_steps,
                standing.held,
                operation,
                fingerprint,
                self.moment,
            )
        )
        self.holds[after.id] = after
        if operation and fingerprint:
            self.asked_steps[operation] = KnownStep(after.id, fingerprint)
        return after

    # Outcomes

    def refuse(self, operation_id: UUID, reference: UUID | None, fingerprint: bytes, refusal: Refusal,
               leg: int | None = None) -> Refused:  # fmt: skip
        """Record a refusal under the operation's id, which is taken from now on."""
        refused = Refused(operation_id, reference, fingerprint, refusal, self.moment, leg)
        self.refusals.append(refused)
        self.refused[operation_id] = refused
        return refused

    def decided(self, outcomes: Sequence[Outcome]) -> Decided:
        """Return all that is new."""
        moved = [
            s
            for s in self._standings.values()
            if s.last_sequence != s.account.last_sequence or s.hold_steps != s.account.hold_steps
        ]
        stepped = dict.fromkeys(step.hold_id for step in self.steps)
        placed = [self.holds[i] for i in stepped if i not in self.books.holds]
        return Decided(
            outcomes=outcomes,
            postings=self.postings,
            journals=self.new_journals,
            placed=placed,
            changed=[self.holds[i] for i in stepped if i in self.books.holds],
            steps=self.steps,
            expired=[self.holds[i] for i in self.expired],
            refusals=self.refusals,
            moved=moved,
            opened=self._opened(moved, placed),
            sequence=self.sequence,
            moved_at=self.moment if self.postings else self.books.moved_at,
            moment=self.moment,
        )

    def _opened(self, moved: Sequence[Standing], placed: Sequence[Hold]) -> list[Account]:
        """Return the accounts that exist from now on: money came through them, or a hold is for them."""
        if not self.books.unopened:
            return []
        needed = [*(s.account.id for s in moved), *(h.credit_account for h in placed)]
        return [self.books.unopened[i] for i in dict.fromkeys(needed) if i in self.books.unopened]


def _is_exchange(account: UUID | SystemAccount) -> bool:
    """Tell whether an account is named as the ledger names what exchanges go through: no command can name it so."""
    return isinstance(account, SystemAccount) and account.kind is AccountKind.FX


def check_open(debit: Standing, credit: Standing, currency: str) -> None:
    """Refuse accounts of another currency, and accounts that are closed or frozen."""
    giver, taker = debit.account, credit.account
    if not giver.currency == taker.currency == currency:
        raise RefusedError(Refusal.CURRENCY_MISMATCH)
    if giver.closed_at:
        raise RefusedError(Refusal.DEBIT_ACCOUNT_CLOSED)
    if taker.closed_at:
        raise RefusedError(Refusal.CREDIT_ACCOUNT_CLOSED)
    if giver.frozen in _GIVES_NOTHING:
        raise RefusedError(Refusal.DEBIT_ACCOUNT_FROZEN)
    if taker.frozen in _TAKES_NOTHING:
        raise RefusedError(Refusal.CREDIT_ACCOUNT_FROZEN)


def check_depth(debit: Standing, credit: Standing, effective_at: datetime) -> None:
    """Refuse to date back before more entries than can be looked through while the ledger waits."""
    if any(s.timeline and s.timeline.cut and effective_at <= s.timeline.cut for s in (debit, credit)):
        raise RefusedError(Refusal.TOO_MANY_LATER_ENTRIES)


def check_balances(debit: Standing, credit: Standing, amount: int, releases: int) -> None:
    """Refuse what would take more than is available, or leave more than an account may have."""
    floor, ceiling = debit.account.floor, credit.account.ceiling
    debited, credited = debit.balance - amount, credit.balance + amount
    if floor is not None and debited - debit.held + releases < floor:
        raise RefusedError(Refusal.INSUFFICIENT_FUNDS)
    if ceiling is not None and credited > ceiling:
        raise RefusedError(Refusal.CEILING_EXCEEDED)
    if debited < -BALANCE_LIMIT or credited > BALANCE_LIMIT:
        raise RefusedError(Refusal.BALANCE_OVERFLOW)


def check_history(debit: Standing, credit: Standing, amount: int, since: datetime) -> None:
    """Refuse what would have broken a limit at any instant since it is to be effective."""
    floor, ceiling = debit.account.floor, credit.account.ceiling
    if floor is not None and debit.timeline_read().lowest_since(since) - amount < floor:
        raise RefusedError(Refusal.INSUFFICIENT_FUNDS_THEN)
    if ceiling is not None and credit.timeline_read().highest_since(since) + amount > ceiling:
        raise RefusedError(Refusal.CEILING_EXCEEDED_THEN)
