"""Proves every transfer: its place in the order, both balances, what it is of, its dates and its accounts' limits."""

import asyncpg

from apps.wallet.audit.walk import Check, KeyWalk
from outbox.database import Reads

# An account's newest entry before the slice is one probe of an index for each side, by account and sequence as one key:
# asked for each by itself, a planner that thinks most transfers are on this account would read all of them backwards.
_BALANCES = """
SELECT 'transfer ' || e.id || ' (sequence ' || e.sequence || '), account ' || e.account_id AS place
FROM (
    SELECT s.*, lag(s.balance) OVER (PARTITION BY s.account_id ORDER BY s.sequence) AS before
    FROM (
        SELECT t.id, t.sequence, t.debit_account AS account_id, -t.amount AS amount, t.debit_balance AS balance
        FROM transfer t WHERE t.sequence > $1 AND t.sequence <= $2
        UNION ALL
        SELECT t.id, t.sequence, t.credit_account, t.amount, t.credit_balance
        FROM transfer t WHERE t.sequence > $1 AND t.sequence <= $2
    ) s
) e
WHERE e.balance <> e.amount + coalesce(e.before, (
    SELECT p.balance FROM (
        (SELECT d.debit_account AS account_id, d.sequence, d.debit_balance AS balance FROM transfer d
         WHERE (d.debit_account, d.sequence) <= (e.account_id, $1)
         ORDER BY d.debit_account DESC, d.sequence DESC LIMIT 1)
        UNION ALL
        (SELECT c.credit_account, c.sequence, c.credit_balance FROM transfer c
         WHERE (c.credit_account, c.sequence) <= (e.account_id, $1)
         ORDER BY c.credit_account DESC, c.sequence DESC LIMIT 1)
    ) p WHERE p.account_id = e.account_id ORDER BY p.sequence DESC LIMIT 1), 0)
ORDER BY e.sequence LIMIT $3
"""

_GAPS = """
SELECT 'sequence ' || n.sequence AS place FROM generate_series($1::bigint + 1, $2::bigint) AS n (sequence)
WHERE (SELECT count(*) FROM transfer t WHERE t.sequence > $1 AND t.sequence <= $2) <> $2 - $1
  AND NOT EXISTS (SELECT FROM transfer t WHERE t.sequence = n.sequence)
LIMIT $3
"""

_BEYOND = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place FROM transfer t
WHERE t.sequence > $1 AND t.sequence <= $2
  AND t.sequence > coalesce((SELECT l.sequence FROM ledger l WHERE l.id = 1), 0)
ORDER BY t.sequence LIMIT $3
"""

_TIME = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place
FROM (SELECT s.*, lag(s.posted_at) OVER (ORDER BY s.sequence) AS before
      FROM transfer s WHERE s.sequence >= $1 AND s.sequence <= $2) t
WHERE t.sequence > $1 AND (t.posted_at < t.before OR t.effective_at > t.posted_at)
ORDER BY t.sequence LIMIT $3
"""

_ACCOUNTS = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place FROM transfer t
WHERE t.sequence > $1 AND t.sequence <= $2 AND (
    t.debit_account = t.credit_account OR t.amount <= 0
    OR (SELECT a.currency = t.currency FROM account a WHERE a.id = t.debit_account) IS NOT TRUE
    OR (SELECT a.currency = t.currency FROM account a WHERE a.id = t.credit_account) IS NOT TRUE)
ORDER BY t.sequence LIMIT $3
"""

_REVERSALS = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place FROM transfer t
WHERE t.sequence > $1 AND t.sequence <= $2 AND (t.reverses IS NOT NULL OR t.reversed_total IS NOT NULL) AND (
    SELECT o.debit_account = t.credit_account AND o.credit_account = t.debit_account AND o.sequence < t.sequence
           AND t.reversed_total <= o.amount
           AND t.reversed_total = t.amount + coalesce((
               SELECT r.reversed_total FROM transfer r
               WHERE r.reverses = o.id AND r.reversed_total < t.reversed_total
               ORDER BY r.reversed_total DESC LIMIT 1), 0)
    FROM transfer o WHERE o.id = t.reverses) IS NOT TRUE
ORDER BY t.sequence LIMIT $3
"""

_CAPTURES = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place FROM transfer t
WHERE t.sequence > $1 AND t.sequence <= $2 AND t.hold_id IS NOT NULL AND (
    SELECT s.hold_id = t.hold_id AND s.kind = 'captured' AND s.amount = t.amount AND s.recorded_at = t.posted_at
           AND h.debit_account = t.debit_account AND h.credit_account = t.credit_account
    FROM hold_step s JOIN hold h ON h.id = s.hold_id WHERE s.operation_id = t.id) IS NOT TRUE
ORDER BY t.sequence LIMIT $3
"""

_JOURNALS = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place FROM transfer t
WHERE t.sequence > $1 AND t.sequence <= $2 AND t.journal_id IS NOT NULL AND (
    SELECT t.sequence >= j.first_sequence AND t.sequence < j.first_sequence + j.transfers
           AND t.posted_at = j.posted_at
    FROM journal j WHERE j.id = t.journal_id) IS NOT TRUE
ORDER BY t.sequence LIMIT $3
"""

_TOTALS = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || '), account ' || side.account_id AS place
FROM transfer t CROSS JOIN LATERAL (VALUES (t.debit_account), (t.credit_account)) AS side (account_id)
WHERE t.sequence > $1 AND t.sequence <= $2 AND t.effective_at < t.posted_at AND 13 <> (
    SELECT count(*) FROM generate_series(0, 12) AS node (level), LATERAL (
        SELECT FROM backdated_total b
        WHERE b.account_id = side.account_id AND b.level = node.level::smallint AND b.sequence = t.sequence
          AND isfinite(t.effective_at)
          AND b.bucket = (extract(epoch FROM t.effective_at) * 1000000)::bigint >> (4 * node.level)) b)
ORDER BY t.sequence LIMIT $3
"""

_PERIODS = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || ')' AS place FROM transfer t
WHERE t.sequence > $1 AND t.sequence <= $2 AND t.effective_at < t.posted_at AND EXISTS (
    SELECT FROM period p WHERE p.ends_at > t.effective_at AND p.closed_at < t.posted_at
                           AND (p.starts_at IS NULL OR p.starts_at <= t.effective_at))
ORDER BY t.sequence LIMIT $3
"""

# An account that was changed has had several limits, and what a change and a batch call now may differ by the time that
# one waits for the other: the widest limit within a minute counts.
_FLOOR = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || '), account ' || a.id AS place
FROM transfer t JOIN account a ON a.id = t.debit_account
WHERE t.sequence > $1 AND t.sequence <= $2 AND t.debit_balance < CASE WHEN a.changes = 0 THEN a.floor ELSE (
    SELECT CASE WHEN bool_and(l.floor IS NOT NULL) THEN min(l.floor) END FROM (
        SELECT 0 AS number, o.floor, '-infinity'::timestamptz AS since
        FROM account_opening o WHERE o.account_id = a.id
        UNION ALL
        SELECT c.number, c.floor, c.changed_at FROM account_change c WHERE c.account_id = a.id
    ) l WHERE l.since <= t.posted_at + interval '1 minute' AND l.number >= coalesce((
        SELECT max(o.number) FROM account_change o
        WHERE o.account_id = a.id AND o.changed_at <= t.posted_at - interval '1 minute'), 0)) END
ORDER BY t.sequence LIMIT $3
"""

_CEILING = """
SELECT 'transfer ' || t.id || ' (sequence ' || t.sequence || '), account ' || a.id AS place
FROM transfer t JOIN account a ON a.id = t.credit_account
WHERE t.sequence > $1 AND t.sequence <= $2 AND t.credit_balance > CASE WHEN a.changes = 0 THEN a.ceiling ELSE (
    SELECT CASE WHEN bool_and(l.ceiling IS NOT NULL) THEN max(l.ceiling) END FROM (
        SELECT 0 AS number, o.ceiling, '-infinity'::timestamptz AS since
        FROM account_opening o WHERE o.account_id = a.id
        UNION ALL
        SELECT c.number, c.ceiling, c.changed_at FROM account_change c WHERE c.account_id = a.id
    ) l WHERE l.since <= t.posted_at + interval '1 minute' AND l.number >= coalesce((
        SELECT max(o.number) FROM account_change o
        WHERE o.account_id = a.id AND o.changed_at <= t.posted_at - interval '1 minute'), 0)) END
ORDER BY t.sequence LIMIT $3
"""

TRANSFERS = KeyWalk(
    name="transfers",
    count="SELECT sequence FROM transfer ORDER BY sequence DESC LIMIT 1",
    first=(0,),
    end="SELECT sequence FROM transfer WHERE sequence > 0 ORDER BY sequence DESC LIMIT 1",
    bound="""
    SELECT least($1::bigint + $3::bigint, $2::bigint) AS sequence, least($3::bigint, $2::bigint - $1::bigint) AS rows
    """,
    checks=(
        Check("no transfer has it, so the ledger's order has a gap", _GAPS),
        Check("it is beyond the head of the ledger", _BEYOND),
        Check("its balance does not continue the balance before it", _BALANCES),
        Check("its time goes back, or it is effective after it was posted", _TIME),
        Check("its accounts are not two of its currency", _ACCOUNTS),
        Check("it is not a reversal of what is left of the transfer that it reverses", _REVERSALS),
        Check("it is not what its hold records as captured", _CAPTURES),
        Check("its journal does not have it", _JOURNALS),
        Check("it is backdated, and not in the totals of its account", _TOTALS),
        Check("it is effective in a period that was closed before it was posted", _PERIODS),
        Check("it took the account below its floor", _FLOOR),
        Check("it took the account above its ceiling", _CEILING),
    ),
)

_REFERENCED = """
SELECT id, sequence, reference, journal_id FROM transfer
WHERE sequence > $1 AND reference IS NOT NULL AND reverses IS NULL
ORDER BY sequence LIMIT $2
"""


async def load_referenced(reads: Reads, after: int, limit: int) -> list[asyncpg.Record]:
    """Return transfers that are for something else's sake: `id`, `sequence`, `reference`, `journal_id`, in order."""
    return await reads.fetch(_REFERENCED, after, limit)
