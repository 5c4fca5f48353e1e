"""Proves every account: what it has, holds and may do is what its entries, hold steps and changes say."""

from apps.wallet.audit.walk import Check, KeyWalk

_NIL = "00000000-0000-0000-0000-000000000000"

_NEWEST_ENTRY = """
SELECT 'account ' || a.id AS place
FROM account a LEFT JOIN LATERAL (
    SELECT e.sequence, e.balance FROM (
        (SELECT d.debit_account AS account_id, d.sequence, d.debit_balance AS balance FROM transfer d
         WHERE (d.debit_account, d.sequence) <= (a.id, 9223372036854775807)
         ORDER BY d.debit_account DESC, d.sequence DESC LIMIT 1)
        UNION ALL
        (SELECT c.credit_account, c.sequence, c.credit_balance FROM transfer c
         WHERE (c.credit_account, c.sequence) <= (a.id, 9223372036854775807)
         ORDER BY c.credit_account DESC, c.sequence DESC LIMIT 1)
    ) e WHERE e.account_id = a.id ORDER BY e.sequence DESC LIMIT 1
) newest ON true
WHERE a.id > $1 AND a.id <= $2
  AND (a.balance <> coalesce(newest.balance, 0) OR a.last_sequence IS DISTINCT FROM newest.sequence)
LIMIT $3
"""

_HELD = """
SELECT 'account ' || a.id AS place FROM account a
WHERE a.id > $1 AND a.id <= $2 AND a.held <> coalesce((
    SELECT sum(h.remaining) FROM hold h WHERE h.debit_account = a.id AND h.remaining > 0), 0)
LIMIT $3
"""

_NEWEST_STEP = """
SELECT 'account ' || a.id AS place FROM account a LEFT JOIN LATERAL (
    SELECT s.account_step, s.held_after FROM hold_step s WHERE s.account_id = a.id ORDER BY s.account_step DESC LIMIT 1
) newest ON true
WHERE a.id > $1 AND a.id <= $2
  AND (a.hold_steps <> coalesce(newest.account_step, 0) OR a.held <> coalesce(newest.held_after, 0))
LIMIT $3
"""

_LIMITS = """
SELECT 'account ' || a.id AS place FROM account a
WHERE a.id > $1 AND a.id <= $2 AND (
    a.balance - a.held < a.floor OR a.balance > a.ceiling
    OR a.closed_at IS NOT NULL AND (a.balance <> 0 OR a.held <> 0))
LIMIT $3
"""

_CHANGES = """
SELECT 'account ' || a.id AS place FROM account a
WHERE a.id > $1 AND a.id <= $2 AND (
    a.changes <> (SELECT count(*) FROM account_change c WHERE c.account_id = a.id)
    OR a.changes > 0 AND (
        SELECT (c.floor, c.ceiling, c.frozen, c.closed_at, c.external_id, c.metadata)
               IS NOT DISTINCT FROM (a.floor, a.ceiling, a.frozen, a.closed_at, a.external_id, a.metadata)
        FROM account_change c WHERE c.account_id = a.id AND c.number = a.changes) IS NOT TRUE
    OR a.changes = 0 AND (a.frozen <> 'none' OR a.closed_at IS NOT NULL OR (
        SELECT (o.floor, o.ceiling, o.external_id, o.metadata)
               IS NOT DISTINCT FROM (a.floor, a.ceiling, a.external_id, a.metadata)
        FROM account_opening o WHERE o.account_id = a.id) IS NOT TRUE))
LIMIT $3
"""

# Instants, not entries: at one instant only the sum of what is effective then can be below the floor. Limits that have
# changed count as the widest of all.
_TIMELINE = """
SELECT 'account ' || a.id AS place
FROM account a CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(l.floor IS NOT NULL) THEN min(l.floor) END AS floor,
           CASE WHEN bool_and(l.ceiling IS NOT NULL) THEN max(l.ceiling) END AS ceiling
    FROM (SELECT o.floor, o.ceiling FROM account_opening o WHERE o.account_id = a.id
          UNION ALL
          SELECT c.floor, c.ceiling FROM account_change c WHERE c.account_id = a.id) l
) widest
WHERE a.id > $1 AND a.id <= $2 AND (widest.floor IS NOT NULL OR widest.ceiling IS NOT NULL)
  AND EXISTS (SELECT FROM backdated_total b WHERE b.account_id = a.id)
  AND EXISTS (
    SELECT FROM (
        SELECT sum(moved) OVER (ORDER BY effective_at) AS balance FROM (
            SELECT e.effective_at, sum(e.amount) AS moved FROM (
                SELECT d.effective_at, -d.amount AS amount FROM transfer d WHERE d.debit_account = a.id
                UNION ALL
                SELECT c.effective_at, c.amount FROM transfer c WHERE c.credit_account = a.id
            ) e GROUP BY e.effective_at
        ) instant
    ) timeline WHERE timeline.balance < widest.floor OR timeline.balance > widest.ceiling)
LIMIT $3
"""

ACCOUNTS = KeyWalk(
    name="accounts",
    count="SELECT count(*) FROM account",
    first=(_NIL,),
    end="SELECT id FROM account ORDER BY id DESC LIMIT 1",
    bound="""
    SELECT s.id, count(*) OVER () AS rows
    FROM (SELECT id FROM account WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) s ORDER BY s.id DESC LIMIT 1
    """,
    checks=(
        Check("its balance is not that of its newest entry", _NEWEST_ENTRY),
        Check("what it holds is not the sum of its pending holds", _HELD),
        Check("what it holds is not what its newest hold step left", _NEWEST_STEP),
        Check("it is beyond its floor or ceiling, or closed with money", _LIMITS),
        Check("its limits, state or metadata are not those of its newest change, or of its opening", _CHANGES),
        Check("its balance was beyond its floor or ceiling at an effective date", _TIMELINE),
    ),
)

_CHANGE = """
SELECT 'account_change ' || c.account_id || ' ' || c.number AS place FROM account_change c
WHERE c.account_id > $1 AND c.account_id <= $2 AND (
    (SELECT c.number <= a.changes FROM account a WHERE a.id = c.account_id) IS NOT TRUE
    OR c.number > 1 AND (
        SELECT p.changed_at <= c.changed_at FROM account_change p
        WHERE p.account_id = c.account_id AND p.number = c.number - 1) IS NOT TRUE)
LIMIT $3
"""

CHANGES = KeyWalk(
    name="changes of accounts",
    count="SELECT count(*) FROM account_change",
    first=(_NIL,),
    end="SELECT account_id FROM account_change ORDER BY account_id DESC LIMIT 1",
    bound="""
    SELECT s.account_id, count(*) OVER () AS rows
    FROM (SELECT account_id FROM account_change WHERE account_id > $1 AND account_id <= $2
          ORDER BY account_id LIMIT $3) s
    ORDER BY s.account_id DESC LIMIT 1
    """,
    checks=(Check("it does not continue the changes of its account", _CHANGE),),
)
