"""A past for tests: transfers at chosen instants, written as the service writes them, and sums over them by hand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.timeline import BEGINNING, buckets
from contracts.ids import new_id
from outbox.database import Database, columns

_HEAD = "SELECT sequence, greatest(moved_at, '1970-01-01 00:00Z') AS moved_at FROM ledger WHERE id = 1"
_OPEN = """
INSERT INTO account (id, kind, type, currency, created_at) VALUES ($1, $2, $3, $4, $5)
"""
_OPEN_WALLET = """
INSERT INTO account (id, kind, type, currency, created_at, owner, wallet)
VALUES ($1, 'wallet', 'liability', $2, $3, $4, $4)
"""
_POST = """
WITH posted AS (
    INSERT INTO transfer (id, debit_account, credit_account, amount, currency, fingerprint, sequence, posted_at,
                          debit_balance, credit_balance, effective_at)
    SELECT id, debit, credit, amount, currency, '', sequence, $8, debit_balance, credit_balance, effective_at
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $9::bigint[],
                $10::timestamptz[])
         AS t (id, debit, credit, amount, currency, sequence, debit_balance, credit_balance, effective_at)
), moved AS (
    UPDATE account SET balance = after.balance, last_sequence = after.sequence
    FROM unnest($11::uuid[], $12::bigint[], $13::bigint[]) AS after (id, balance, sequence) WHERE account.id = after.id
), totalled AS (
    INSERT INTO backdated_total (account_id, level, bucket, sequence, total)
    SELECT * FROM unnest($14::uuid[], $15::smallint[], $16::bigint[], $17::bigint[], $18::numeric[])
)
UPDATE ledger SET sequence = $19, moved_at = $8 WHERE id = 1
"""


@dataclass(frozen=True)
class Entry:
    """One side of a transfer, as a test remembers it."""

    account: UUID
    counterparty: UUID
    transfer: UUID
    sequence: int
    amount: int
    effective_at: datetime
    posted_at: datetime


@dataclass(frozen=True)
class Wish:
    """A transfer to write; without `effective_at` it is effective when it is posted."""

    debit: UUID
    credit: UUID
    amount: int
    effective_at: datetime | None = None
    currency: str = "EUR"
    transfer: UUID | None = None


@dataclass
class Past:
    """What was written so far."""

    database: Database
    entries: list[Entry] = field(default_factory=list)
    _balances: dict[UUID, int] = field(default_factory=dict)
    _totals: dict[tuple[UUID, int, int], int] = field(default_factory=dict)

    async def account(
        self, currency: str = "EUR", kind: str = "general", type_: str = "liability", account: UUID | None = None
    ) -> UUID:
        """Open an account of the ledger's own, without limits."""
        account = account or new_id()
        await self.database.pool.execute(_OPEN, account, kind, type_, currency, BEGINNING)
        return account

    async def wallet(self, currency: str = "EUR") -> UUID:
        """Open a wallet without limits."""
        account = new_id()
        await self.database.pool.execute(_OPEN_WALLET, account, currency, BEGINNING, account)
        return account

    async def head(self) -> tuple[int, datetime]:
        """Return the newest sequence, and when it was posted."""
        row = await self.database.pool.fetchrow(_HEAD)
        assert row is not None
        return row["sequence"], row["moved_at"]

    async def post(self, moment: datetime, wishes: Sequence[Wish]) -> None:
        """Post a batch at an instant."""
        sequence, _ = await self.head()
        rows, totals = [], []
        touched: dict[UUID, int] = {}
        for wish in wishes:
            sequence += 1
            effective = wish.effective_at or moment
            identifier = wish.transfer or new_id()
            for account, other, amount in (
                (wish.debit, wish.credit, -wish.amount),
                (wish.credit, wish.debit, wish.amount),
            ):
                self._balances[account] = self._balances.get(account, 0) + amount
                touched[account] = sequence
                self.entries.append(Entry(account, other, identifier, sequence, amount, effective, moment))
                if effective < moment:
                    totals += [
                        (account, *node, sequence, total) for node, total in self._add(account, effective, amount)
                    ]
            after = self._balances[wish.debit], self._balances[wish.credit]
            rows.append((identifier, wish.debit, wish.credit, wish.amount, wish.currency, sequence, *after, effective))
        ids, givers, takers, amounts, currencies, sequences, debit_after, credit_after, effectives = columns(rows, 9)
        balances = columns([(a, self._balances[a], s) for a, s in touched.items()], 3)
        await self.database.pool.execute(
            _POST, ids, givers, takers, amounts, currencies, sequences, debit_after, moment, credit_after, effectives,
            *balances, *columns(totals, 5), sequence,
        )  # fmt: skip

    def _add(self, account: UUID, effective: datetime, amount: int) -> Iterable[tuple[tuple[int, int], int]]:
        for node in buckets(effective):
            total = self._totals[(account, *node)] = self._totals.get((account, *node), 0) + amount
            yield node, total

    def balance(self, account: UUID, at: datetime, known_at: datetime) -> int:
        """Return a balance by adding up everything."""
        return sum(
            e.amount for e in self.entries if e.account == account and e.effective_at <= at and e.posted_at <= known_at
        )

    def lines(self, account: UUID, starts_at: datetime, ends_at: datetime) -> list[tuple[UUID, int, int]]:
        """Return a statement by sorting everything: transfer, amount, balance after."""
        mine = sorted((e for e in self.entries if e.account == account), key=lambda e: (e.effective_at, e.sequence))
        balance, lines = 0, []
        for entry in mine:
            balance += entry.amount
            if starts_at <= entry.effective_at < ends_at:
                lines.append((entry.transfer, entry.amount, balance))
        return lines
