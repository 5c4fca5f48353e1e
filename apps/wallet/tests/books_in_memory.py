"""The real rules on a store of dictionaries: reads for a batch what the real store reads, keeps what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.account import Account, AccountState, SystemAccount
from apps.wallet.domain.books import Books, Decided, KnownStep, Timeline
from apps.wallet.domain.decision import decide
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.operation import JournalRequest, Operation
from apps.wallet.domain.transfer import Captured, Outcome, Posted, PostedJournal, Refused
from apps.wallet.tests.naive_ledger import Answer


@dataclass
class BooksInMemory:
    """What the tables would hold."""

    accounts: dict[UUID, Account]
    system: Mapping[SystemAccount, UUID]
    began: datetime
    transfers: list[Posted] = field(default_factory=list)
    journals: dict[UUID, PostedJournal] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    steps: dict[UUID, KnownStep] = field(default_factory=dict)
    refusals: dict[UUID, Refused] = field(default_factory=dict)
    closed_until: datetime | None = None
    expired: list[UUID] = field(default_factory=list)

    def carry_out(self, operations: Sequence[Operation], now: datetime) -> list[Answer]:
        """Decide a batch, keep what is new, return the answers."""
        decided = decide(self._books(operations, now), operations, now)
        self._keep(decided)
        return [answer_of(outcome) for outcome in decided.outcomes]

    def sweep(self, now: datetime) -> None:
        """End every hold whose time is over."""
        head = self._head()
        due = {h.id: h for h in self.holds.values() if h.remaining and h.expires_at <= now}
        self._keep(decide(Books(*head, accounts=self._states(), system=self.system, holds=due), [], now))

    def balance(self, account: UUID | SystemAccount) -> int:
        """Return the balance that is kept."""
        return self.accounts[account if isinstance(account, UUID) else self.system[account]].balance

    def _head(self) -> tuple[int, datetime, datetime | None]:
        moved_at = self.transfers[-1].posted_at if self.transfers else self.began
        return len(self.transfers), moved_at, self.closed_until

    def _books(self, operations: Sequence[Operation], now: datetime) -> Books:
        books = Books(*self._head(), accounts=self._states(), system=self.system)
        moment = books.moment(now)
        named = _names(operations)
        touched = named | {a for h in self.holds.values() if h.id in named for a in (h.debit_account, h.credit_account)}
        touched |= {a for t in self.transfers if t.id in named for a in (t.debit_account, t.credit_account)}
        due = [h for h in self.holds.values() if h.debit_account in touched and h.expires_at <= moment]
        dates = sorted({d for o in operations if (d := getattr(o, "effective_at", None)) and d < moment})
        return Books(
            *self._head(),
            accounts=self._states(),
            system=self.system,
            timelines={a: self._timeline(a, dates, moment) for a in self.accounts if dates},
            transfers={t.id: t for t in self.transfers if t.id in named},
            reversed=self._reversed(named),
            journals={i: j for i, j in self.journals.items() if i in named},
            holds={h.id: h for h in (*due, *(h for h in self.holds.values() if h.id in named))},
            steps={i: s for i, s in self.steps.items() if i in named},
            refusals={i: r for i, r in self.refusals.items() if i in named},
        )

    def _states(self) -> dict[UUID, AccountState]:
        return {account.id: account.state for account in self.accounts.values()}

    def _reversed(self, named: set[UUID]) -> dict[UUID, int]:
        reversals = [t for t in self.transfers if t.reverses in named]
        return {t.reverses: max(r.reversed_total or 0 for r in reversals if r.reverses == t.reverses)
                for t in reversals if t.reverses}  # fmt: skip

    def _timeline(self, account: UUID, starts: list[datetime], moment: datetime) -> Timeline:
        entries = [(t.effective_at, -t.amount) for t in self.transfers if t.debit_account == account]
        entries += [(t.effective_at, t.amount) for t in self.transfers if t.credit_account == account]
        began = self.accounts[account].balance - sum(amount for _, amount in entries)
        spans = []
        for start, end in zip(starts, [*starts[1:], moment], strict=True):
            instants = [start, *(at for at, _ in entries if start < at < end)]
            spans.append([began + sum(amount for at, amount in entries if at <= instant) for instant in instants])
        return Timeline(starts, [min(span) for span in spans], [max(span) for span in spans])

    def _keep(self, decided: Decided) -> None:
        self.transfers += decided.postings
        self.journals |= {journal.id: journal for journal in decided.journals}
        self.holds |= {hold.id: hold for hold in (*decided.placed, *decided.changed)}
        self.expired += [hold.id for hold in decided.expired]
        self.refusals |= {refused.id: refused for refused in decided.refusals}
        for step in decided.steps:
            if step.operation_id and step.fingerprint:
                assert step.operation_id not in self.steps
                self.steps[step.operation_id] = KnownStep(step.hold_id, step.fingerprint)
        for standing in decided.moved:
            self.accounts[standing.account.id] = self.accounts[standing.account.id]._replace(
                balance=standing.balance,
                held=standing.held,
                last_sequence=standing.last_sequence,
                hold_steps=standing.hold_steps,
            )
        assert decided.sequence == len(self.transfers)


def _names(operations: Iterable[Operation]) -> set[UUID]:
    """Return every id that the operations name."""
    parts = [p for o in operations for p in (o, *(o.legs if isinstance(o, JournalRequest) else ()))]
    values = (getattr(part, name) for part in parts for name in part.__dataclass_fields__)
    return {value for value in values if isinstance(value, UUID)}


def answer_of(outcome: Outcome) -> Answer:
    """Return an outcome as the naive ledger tells it."""
    match outcome:
        case Refused():
            return "refused", outcome.refusal.value, outcome.leg
        case Captured():
            return "captured", outcome.transfer.id, *hold_facts(outcome.hold)
        case PostedJournal():
            return "journal", outcome.id, tuple(t.id for t in outcome.transfers)
        case Hold():
            return "hold", *hold_facts(outcome)
        case Posted():
            return "posted", outcome.id


def hold_facts(hold: Hold) -> Answer:
    """Return what is told of a hold."""
    return hold.id, hold.captured, hold.remaining, hold.status, hold.expires_at
