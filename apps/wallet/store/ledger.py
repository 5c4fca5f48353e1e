"""The ledger's head, the books that a batch touches, and the one statement that writes what was decided."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import orjson

from apps.wallet.domain.account import new_system_account
from apps.wallet.domain.books import Books, Decided
from apps.wallet.domain.hold import Hold
from apps.wallet.domain.named import Named
from apps.wallet.domain.operation import Operation
from apps.wallet.domain.timeline import BEGINNING, buckets
from apps.wallet.domain.transfer import Posted
from apps.wallet.store import accounts as account_store
from apps.wallet.store import holds as hold_store
from apps.wallet.store import timelines as timeline_store
from apps.wallet.store import transfers as transfer_store
from contracts.ids import new_id
from outbox.database import columns
from outbox.transaction import Transaction

# A statement of its own: what is read after it is what the writer before has committed.
_LOCK = "SELECT sequence, moved_at, closed_until FROM ledger WHERE id = 1 FOR UPDATE"
_TOTALS = """
SELECT asked.account_id, asked.level, asked.bucket, newest.total
FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS asked (account_id, level, bucket), LATERAL (
    SELECT total FROM backdated_total b
    WHERE b.account_id = asked.account_id AND b.level = asked.level AND b.bucket = asked.bucket
    ORDER BY b.sequence DESC LIMIT 1
) newest
"""
# One statement, because the database verifies at its end that transfers, holds, balances and head agree. What all rows
# of a batch have in common is not sent with each, since the columns are what a batch costs.
_POST = """
WITH posted AS (
    INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence,
                          posted_at, debit_balance, credit_balance, effective_at)
    SELECT t.id, t.debit_account, t.credit_account, t.amount, t.currency, t.reference, t.fingerprint, $13 + t.n, $14,
           t.debit_balance, t.credit_balance, $14
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::bytea[], $8::bigint[],
                $9::bigint[]) WITH ORDINALITY
         AS t (id, debit_account, credit_account, amount, currency, reference, fingerprint, debit_balance,
               credit_balance, n)
), moved AS (
    UPDATE account SET balance = a.balance, last_sequence = a.sequence
    FROM unnest($10::uuid[], $11::bigint[], $12::bigint[]) AS a (id, balance, sequence)
    WHERE account.id = a.id
)
UPDATE ledger SET sequence = $15, moved_at = $14 WHERE id = 1
"""
# The same with all that is rarer than a transfer.
_POST_ALL = """
WITH posted AS (
    INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence,
                          posted_at, debit_balance, credit_balance, effective_at, journal_id, hold_id, reverses,
                          reversed_total, metadata)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::bytea[],
                         $8::bigint[], $9::timestamptz[], $10::bigint[], $11::bigint[], $12::timestamptz[],
                         $13::uuid[], $14::uuid[], $15::uuid[], $16::bigint[], $17::jsonb[])
), moved AS (
    UPDATE account SET balance = a.balance, last_sequence = a.sequence, held = a.held, hold_steps = a.hold_steps
    FROM unnest($18::uuid[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[])
         AS a (id, balance, sequence, held, hold_steps)
    WHERE account.id = a.id
), journalled AS (
    INSERT INTO journal (id, first_sequence, transfers, reference, metadata, fingerprint, posted_at)
    SELECT * FROM unnest($25::uuid[], $26::bigint[], $27::integer[], $28::uuid[], $29::jsonb[], $30::bytea[],
                         $31::timestamptz[])
), exchanged AS (
    INSERT INTO exchange (sell_transfer, buy_transfer, rate, journal_id)
    SELECT * FROM unnest($32::uuid[], $33::uuid[], $34::numeric[], $35::uuid[])
), placed AS (
    INSERT INTO hold (id, debit_account, credit_account, amount, currency, reference, fingerprint, placed_at, captured,
                      remaining, status, expires_at, steps)
    SELECT * FROM unnest($36::uuid[], $37::uuid[], $38::uuid[], $39::bigint[], $40::text[], $41::uuid[], $42::bytea[],
                         $43::timestamptz[], $44::bigint[], $45::bigint[], $46::text[], $47::timestamptz[],
                         $48::integer[])
), changed AS (
    UPDATE hold SET captured = h.captured, remaining = h.remaining, status = h.status, expires_at = h.expires_at,
                    steps = h.steps
    FROM unnest($49::uuid[], $50::bigint[], $51::bigint[], $52::text[], $53::timestamptz[], $54::integer[])
         AS h (id, captured, remaining, status, expires_at, steps)
    WHERE hold.id = h.id
), stepped AS (
    INSERT INTO hold_step (hold_id, step, kind, amount, captured, remaining, expires_at, account_id, account_step,
                           held_after, operation_id, fingerprint, recorded_at)
    SELECT * FROM unnest($55::uuid[], $56::integer[], $57::text[], $58::bigint[], $59::bigint[], $60::bigint[],
                         $61::timestamptz[], $62::uuid[], $63::bigint[], $64::bigint[], $65::uuid[], $66::bytea[],
                         $67::timestamptz[])
), backdated AS (
    INSERT INTO backdated_total (account_id, level, bucket, sequence, total)
    SELECT * FROM unnest($68::uuid[], $69::smallint[], $70::bigint[], $71::bigint[], $72::numeric[])
)
UPDATE ledger SET sequence = $23, moved_at = $24 WHERE id = 1
"""
_WIDTH = len(Posted._fields)
_REFUSE = """
INSERT INTO refusal (id, reference, fingerprint, code, detail, refused_at, leg)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::timestamptz[], $7::integer[])
"""


async def lock_ledger(tx: Transaction) -> Books:
    """Lock the ledger's head: no one else moves a balance before the commit. Return books with only the head."""
    head = await tx.fetchrow(_LOCK)
    if head is None:
        raise LookupError("the ledger has no head")
    return Books(*head)


async def load_books(tx: Transaction, operations: Sequence[Operation], asked: Named) -> Books:
    """Lock the ledger's head, then read all that the operations touch; `asked` is what they name."""
    books = await lock_ledger(tx)
    moment = books.moment(tx.now)
    taken = await transfer_store.load_taken(tx, asked.transfers | asked.refusable)
    transfers = await transfer_store.load_transfers(tx, taken & asked.transfers)
    holds = await hold_store.load_holds(tx, asked.holds)
    originals = [t for t in transfers.values() if t.id in asked.reversed]
    named: list[Posted | Hold] = [*originals, *holds.values()]
    touched = asked.accounts | {account for n in named for account in (n.debit_account, n.credit_account)}
    accounts = await account_store.load_states(tx, touched) if touched else {}
    of_the_system = await account_store.load_system_accounts(tx, sorted(asked.system, key=str))
    accounts |= {a.id: a.state for a in of_the_system.values()}
    holding = [a.id for a in accounts.values() if a.held]
    system = {a.name: a.id for a in of_the_system.values()}
    unopened = [new_system_account(new_id(), name, moment) for name in asked.system - system.keys()]
    # What cannot be dated back so far is refused without a look at what was then.
    late = {e for e in asked.effective if max(BEGINNING, books.closed_until or BEGINNING) <= e < moment}
    ends = {n.id: frozenset((n.debit_account, n.credit_account)) for n in named}
    system |= {a.name: a.id for a in unopened}
    dates = timeline_store.dates_of(operations, ends, system, late) if late else {}
    return replace(
        books,
        accounts=accounts | {a.id: a.state for a in unopened},
        system=system,
        unopened={a.id: a for a in unopened},
        timelines=await timeline_store.load_timelines(tx, accounts.values(), dates) if dates else {},
        transfers=transfers,
        reversed=await transfer_store.load_reversed(tx, asked.reversed),
        journals=await transfer_store.load_journals(tx, asked.journals),
        holds=holds | await hold_store.load_due_on(tx, holding, moment),
        steps=await hold_store.load_steps(tx, asked.steps),
        refusals=await transfer_store.load_refusals(tx, taken & asked.refusable),
    )


async def load_due(tx: Transaction, due: Collection[UUID]) -> Books:
    """Lock the ledger's head, then read some holds, and the accounts whose money they reserve."""
    books = await lock_ledger(tx)
    holds = await hold_store.load_holds(tx, due)
    accounts = await account_store.load_states(tx, {hold.debit_account for hold in holds.values()})
    return replace(books, accounts=accounts, holds=holds)


async def load_accounts_with_due(tx: Transaction, accounts: Collection[UUID]) -> Books:
    """Lock the ledger's head, then read some accounts, and their holds whose time is over."""
    books = await lock_ledger(tx)
    holds = await hold_store.load_due_on(tx, accounts, books.moment(tx.now))
    return replace(books, accounts=await account_store.load_states(tx, accounts), holds=holds)


async def save_decided(tx: Transaction, decided: Decided) -> None:
    """Write what is new: accounts that are opened, transfers, journals, holds, balances and the head; refusals."""
    await account_store.save_accounts(tx, decided.opened)
    if decided.moved:
        await _save_moved(tx, decided)
    if decided.refusals:
        rows = [
            (r.id, r.reference, r.fingerprint, r.refusal.value, r.refusal.detail, r.refused_at, r.leg)
            for r in decided.refusals
        ]
        await tx.execute(_REFUSE, *columns(rows, 7))


async def _save_moved(tx: Transaction, decided: Decided) -> None:
    transfers = columns(decided.postings, _WIDTH)
    if not decided.steps and _are_plain(transfers):
        await _save_plain(tx, decided, transfers)
        return
    balances = sorted((s.account.id, s.balance, s.last_sequence, s.held, s.hold_steps) for s in decided.moved)
    journals = [
        (j.id, j.transfers[0].sequence, len(j.transfers), j.reference, _json(j.metadata), j.fingerprint, j.posted_at)
        for j in decided.journals
    ]
    changed = [(h.id, h.captured, h.remaining, h.status, h.expires_at, h.steps) for h in decided.changed]
    await tx.execute(
        _POST_ALL,
        *transfers[:-1],
        [_json(posted.metadata) for posted in decided.postings],
        *columns(balances, 5),
        decided.sequence,
        decided.moved_at,
        *columns(journals, 7),
        *columns([(*e, j.id) for j in decided.journals for e in j.exchanges], 4),
        *columns(decided.placed, 13),
        *columns(changed, 6),
        *columns(decided.steps, 13),
        *columns(await _totals(tx, decided.postings), 5),
    )


def _are_plain(transfers: Sequence[list[object]]) -> bool:
    """Tell whether all are nothing but transfers, effective when they are posted."""
    posted_at, effective_at, rare = transfers[8], transfers[11], transfers[12:]
    return effective_at == posted_at and all(column.count(None) == len(column) for column in rare)


async def _save_plain(tx: Transaction, decided: Decided, transfers: Sequence[list[object]]) -> None:
    balances = columns(sorted((s.account.id, s.balance, s.last_sequence) for s in decided.moved), 3)
    before = decided.postings[0].sequence - 1
    await tx.execute(_POST, *transfers[:7], *transfers[9:11], *balances, before, decided.moved_at, decided.sequence)


async def _totals(tx: Transaction, postings: Sequence[Posted]) -> list[tuple[object, ...]]:
    """Return the rows that add the backdated entries to the totals of their buckets (apps.wallet.domain.timeline)."""
    entries = [
        (account, level, bucket, posted.sequence, amount)
        for posted in postings
        if posted.effective_at < posted.posted_at
        for account, amount in ((posted.debit_account, -posted.amount), (posted.credit_account, posted.amount))
        for level, bucket in buckets(posted.effective_at)
    ]
    if not entries:
        return []
    places = sorted({entry[:3] for entry in entries})
    totals = {(a, level, bucket): total for a, level, bucket, total in await tx.fetch(_TOTALS, *columns(places, 3))}
    rows: list[tuple[object, ...]] = []
    for account, level, bucket, sequence, amount in entries:
        place = account, level, bucket
        totals[place] = totals.get(place, Decimal(0)) + amount
        rows.append((account, level, bucket, sequence, totals[place]))
    return rows


def _json(metadata: object) -> str | None:
    return orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode() if metadata is not None else None
