"""What the ledger was at other times: balances and statement lines in the order of effective dates.

Two axes. A sequence is an instant of the recorded one: known by it are the transfers up to it. The effective one
differs from it by backdated entries only, which `backdated_total` sums (see apps.wallet.domain.timeline).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.wallet.domain.statement import MICROSECOND, Line, Position
from apps.wallet.domain.timeline import BEGINNING, cover, micros
from apps.wallet.domain.trial_balance import SystemAccount
from outbox.database import Reads, columns

_HEAD = "SELECT sequence, greatest(moved_at, $1) AS moved_at, closed_until FROM ledger WHERE id = 1"
_ACCOUNT = """
SELECT l.sequence, greatest(l.moved_at, $1) AS moved_at, l.closed_until, a.id, a.currency
FROM ledger l, account a WHERE l.id = 1 AND a.id = $2
"""
_WALLET = """
SELECT l.sequence, greatest(l.moved_at, $1) AS moved_at, l.closed_until, a.id, a.currency
FROM ledger l, account a WHERE l.id = 1 AND a.wallet = $2 ORDER BY a.currency
"""
_KNOWN = """
SELECT coalesce((SELECT sequence FROM transfer WHERE posted_at <= $1 ORDER BY posted_at DESC, sequence DESC LIMIT 1), 0)
"""
# Entries are found by account and sequence as one key, which only the index on both can answer. Asked for each by
# itself, a planner that thinks most transfers are on this account reads all of them backwards until it meets one.
#
# Recorded by then are all entries that were not backdated, and some that were. The tree adds those that came later: for
# each node the total as it is known, less what it was by then.
_BALANCES = """
WITH place AS MATERIALIZED (
    SELECT asked.number, least(asked.sequence, coalesce((
               SELECT t.sequence FROM transfer t WHERE t.posted_at <= asked.moment
               ORDER BY t.posted_at DESC, t.sequence DESC LIMIT 1), 0)) AS sequence
    FROM unnest($2::timestamptz[], $3::bigint[]) WITH ORDINALITY AS asked (moment, sequence, number)
)
SELECT a.id AS account, p.number, p.sequence AS recorded,
       coalesce((SELECT CASE newest.account_id WHEN a.id THEN newest.balance_after END FROM (
                     SELECT e.account_id, e.balance_after FROM entry e
                     WHERE (e.account_id, e.sequence) <= (a.id, p.sequence)
                     ORDER BY e.account_id DESC, e.sequence DESC LIMIT 1) AS newest), 0)
       + CASE WHEN EXISTS (SELECT FROM backdated_total b WHERE b.account_id = a.id) THEN (
             SELECT coalesce(sum(newest.total - coalesce((
                        SELECT b.total FROM backdated_total b
                        WHERE b.account_id = a.id AND b.level = n.level AND b.bucket = n.bucket
                          AND b.sequence <= p.sequence ORDER BY b.sequence DESC LIMIT 1), 0)), 0)
             FROM unnest($4::bigint[], $5::smallint[], $6::bigint[], $7::bigint[]) AS n (place, level, bucket, known),
                  LATERAL (SELECT b.total FROM backdated_total b
                           WHERE b.account_id = a.id AND b.level = n.level AND b.bucket = n.bucket
                             AND b.sequence > p.sequence AND b.sequence <= n.known
                           ORDER BY b.sequence DESC LIMIT 1) AS newest
             WHERE n.place = p.number AND n.known > p.sequence
         ) ELSE 0 END AS balance
FROM place p CROSS JOIN unnest($1::uuid[]) AS a (id)
"""
# Two streams in one order: what was recorded as it became effective, and what was backdated.
_LINES = """
SELECT * FROM (
    (SELECT e.transfer_id, e.sequence, e.effective_at, e.posted_at, e.amount, e.counterparty, e.reference FROM entry e
     WHERE (e.account_id, e.sequence) > ($1::uuid, $2::bigint) AND (e.account_id, e.sequence) <= ($1::uuid, $3::bigint)
       AND e.effective_at = e.posted_at
     ORDER BY e.account_id, e.sequence LIMIT $8)
    UNION ALL
    (SELECT t.id, t.sequence, t.effective_at, t.posted_at,
            CASE t.debit_account WHEN $1 THEN -t.amount ELSE t.amount END,
            CASE t.debit_account WHEN $1 THEN t.credit_account ELSE t.debit_account END, t.reference
     FROM backdated_total b JOIN transfer t ON t.sequence = b.sequence
     WHERE b.account_id = $1 AND b.level = 0 AND (b.bucket, b.sequence) > ($4::bigint, $5::bigint)
       AND b.bucket <= $6::bigint AND b.sequence <= $7
     ORDER BY b.bucket, b.sequence LIMIT $8)
) AS line ORDER BY effective_at, sequence LIMIT $8
"""
_CHART = "SELECT id, currency, type, kind FROM account WHERE kind <> 'wallet' ORDER BY currency, kind, id"


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger's newest sequence and when it was recorded, and the end of what is closed."""

    sequence: int
    moved_at: datetime
    closed_until: datetime | None

    def is_closed(self, ends_at: datetime) -> bool:
        """Tell whether nothing can become effective before `ends_at` any more."""
        return self.closed_until is not None and ends_at <= self.closed_until


@dataclass(frozen=True, slots=True)
class Standing:
    """A balance at a position in the order of effective dates, and the sequence that was recorded there."""

    balance: int
    recorded: int


async def load_head(reads: Reads) -> Head:
    """Return the ledger's head; all that is read within its sequence is of one moment."""
    row = await reads.fetchrow(_HEAD, BEGINNING)
    if row is None:
        raise LookupError("the ledger has no head")
    return Head(*row)


async def load_account(reads: Reads, account: UUID) -> tuple[Head, dict[UUID, str]] | None:
    """Return the ledger's head, and an account with its currency; None when there is no such account."""
    return _with_head(await reads.fetch(_ACCOUNT, BEGINNING, account))


async def load_wallet(reads: Reads, wallet: UUID) -> tuple[Head, dict[UUID, str]] | None:
    """Return the ledger's head, and the accounts of a wallet with their currencies; None when there is no such."""
    return _with_head(await reads.fetch(_WALLET, BEGINNING, wallet))


def _with_head(rows: Sequence[asyncpg.Record]) -> tuple[Head, dict[UUID, str]] | None:
    if not rows:
        return None
    return Head(*rows[0][:3]), {row["id"]: row["currency"] for row in rows}


async def load_chart(reads: Reads) -> list[SystemAccount]:
    """Return all accounts but the wallets, by currency and kind."""
    return [SystemAccount(*row) for row in await reads.fetch(_CHART)]


async def load_known(reads: Reads, head: Head, known_at: datetime) -> int:
    """Return the newest sequence that was recorded by an instant."""
    if known_at >= head.moved_at:
        return head.sequence
    if known_at < BEGINNING:
        return 0
    sequence: int = await reads.fetchval(_KNOWN, known_at)
    return sequence


async def load_standings(
    reads: Reads, accounts: Sequence[UUID], positions: Sequence[Position], known: int
) -> dict[tuple[UUID, Position], Standing]:
    """Return accounts' balances at positions, as they were known at a sequence: O(log n) index probes for each."""
    places = [(p.effective_at, min(known, p.sequence)) for p in positions]
    nodes = [node for number, position in enumerate(positions, start=1) for node in _nodes(number, position, known)]
    rows = await reads.fetch(_BALANCES, accounts, *columns(places, 2), *columns(nodes, 4))
    return {
        (row["account"], positions[row["number"] - 1]): Standing(int(row["balance"]), row["recorded"]) for row in rows
    }


def _nodes(number: int, position: Position, known: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield what makes up the backdated entries up to a position: place, level, bucket, and the newest sequence."""
    for level, bucket in cover(position.effective_at - MICROSECOND):
        yield number, level, bucket, known
    yield number, 0, micros(position.effective_at), min(known, position.sequence)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of an account's timeline between two positions, as known at a sequence.

    `recorded_from` and `recorded_until` are the sequences recorded at either end.
    """

    account: UUID
    start: Position
    end: Position
    recorded_from: int
    recorded_until: int
    known: int


async def load_lines(reads: Reads, stretch: Stretch, limit: int) -> list[Line]:
    """Return the first lines of a stretch, in the order of effective dates, at most `limit`."""
    rows = await reads.fetch(
        _LINES,
        stretch.account,
        stretch.recorded_from,
        stretch.recorded_until,
        micros(stretch.start.effective_at),
        stretch.start.sequence,
        micros(stretch.end.effective_at),
        stretch.known,
        limit,
    )
    return [Line(*row) for row in rows]
