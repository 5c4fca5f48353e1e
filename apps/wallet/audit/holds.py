"""Proves every hold and every step of one: captured at most what was held, and never after it had expired."""

from apps.wallet.audit.walk import Check, KeyWalk

_NIL = "00000000-0000-0000-0000-000000000000"

_NEWEST_STEP = """
SELECT 'hold ' || h.id AS place FROM hold h
WHERE h.id > $1 AND h.id <= $2 AND (
    h.steps <> (SELECT count(*) FROM hold_step s WHERE s.hold_id = h.id)
    OR (SELECT s.captured = h.captured AND s.remaining = h.remaining AND s.expires_at = h.expires_at
               AND h.status = CASE WHEN s.remaining > 0 THEN 'pending' ELSE s.kind END
        FROM hold_step s WHERE s.hold_id = h.id AND s.step = h.steps) IS NOT TRUE)
LIMIT $3
"""

_SUMS = """
SELECT 'hold ' || h.id AS place FROM hold h
WHERE h.id > $1 AND h.id <= $2 AND (
    h.captured < 0 OR h.remaining < 0 OR h.captured + h.remaining > h.amount
    OR h.captured <> (SELECT coalesce(sum(s.amount), 0) FROM hold_step s WHERE s.hold_id = h.id AND s.kind = 'captured')
    OR (SELECT a.currency = h.currency FROM account a WHERE a.id = h.debit_account) IS NOT TRUE
    OR (SELECT a.currency = h.currency FROM account a WHERE a.id = h.credit_account) IS NOT TRUE)
LIMIT $3
"""

HOLDS = KeyWalk(
    name="holds",
    count="SELECT count(*) FROM hold",
    first=(_NIL,),
    end="SELECT id FROM hold ORDER BY id DESC LIMIT 1",
    bound="""
    SELECT s.id, count(*) OVER () AS rows
    FROM (SELECT id FROM hold WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) s ORDER BY s.id DESC LIMIT 1
    """,
    checks=(
        Check("it does not stand where its newest step left it", _NEWEST_STEP),
        Check("what was captured is more than it was for, or not the sum of its captures", _SUMS),
    ),
)

# Steps need not follow each other in time: replicas' clocks differ, and only a transfer moves the ledger's own.
_CONTINUES_HOLD = """
SELECT 'hold_step ' || s.hold_id || ' ' || s.step AS place
FROM hold_step s
LEFT JOIN hold h ON h.id = s.hold_id
LEFT JOIN hold_step p ON p.hold_id = s.hold_id AND p.step = s.step - 1
WHERE s.hold_id > $1 AND s.hold_id <= $2 AND (
    h.debit_account = s.account_id AND h.steps >= s.step
    AND CASE s.kind
        WHEN 'placed' THEN s.step = 1 AND s.amount = h.amount AND s.remaining = h.amount AND s.captured = 0
             AND s.recorded_at = h.placed_at AND s.recorded_at < s.expires_at
        WHEN 'captured' THEN p.remaining >= s.amount AND s.amount > 0 AND s.captured = p.captured + s.amount
             AND s.remaining IN (p.remaining - s.amount, 0) AND s.expires_at = p.expires_at
             AND s.recorded_at < p.expires_at
             AND (SELECT t.hold_id = s.hold_id AND t.amount = s.amount AND t.posted_at = s.recorded_at
                  FROM transfer t WHERE t.id = s.operation_id)
        WHEN 'voided' THEN p.remaining > 0 AND s.amount = p.remaining AND s.remaining = 0
             AND s.captured = p.captured AND s.expires_at = p.expires_at AND s.recorded_at < p.expires_at
        WHEN 'expired' THEN p.remaining > 0 AND s.amount = p.remaining AND s.remaining = 0
             AND s.captured = p.captured AND s.expires_at = p.expires_at AND s.recorded_at >= p.expires_at
        WHEN 'extended' THEN p.remaining > 0 AND s.amount = p.remaining AND s.remaining = p.remaining
             AND s.captured = p.captured AND s.expires_at > p.expires_at AND s.recorded_at < p.expires_at
        END) IS NOT TRUE
LIMIT $3
"""

_CONTINUES_ACCOUNT = """
SELECT 'hold_step ' || s.hold_id || ' ' || s.step AS place
FROM hold_step s
LEFT JOIN hold_step p ON p.hold_id = s.hold_id AND p.step = s.step - 1
WHERE s.hold_id > $1 AND s.hold_id <= $2 AND (
    s.held_after = s.remaining - coalesce(p.remaining, 0) + CASE s.account_step WHEN 1 THEN 0 ELSE (
        SELECT b.held_after FROM hold_step b
        WHERE b.account_id = s.account_id AND b.account_step = s.account_step - 1) END
    AND (SELECT a.hold_steps >= s.account_step FROM account a WHERE a.id = s.account_id)) IS NOT TRUE
LIMIT $3
"""

STEPS = KeyWalk(
    name="steps of holds",
    count="SELECT count(*) FROM hold_step",
    first=(_NIL,),
    end="SELECT hold_id FROM hold_step ORDER BY hold_id DESC LIMIT 1",
    bound="""
    SELECT s.hold_id, count(*) OVER () AS rows
    FROM (SELECT hold_id FROM hold_step WHERE hold_id > $1 AND hold_id <= $2 ORDER BY hold_id LIMIT $3) s
    ORDER BY s.hold_id DESC LIMIT 1
    """,
    checks=(
        Check("it does not continue its hold, or comes after it expired", _CONTINUES_HOLD),
        Check("it does not continue what is held on its account", _CONTINUES_ACCOUNT),
    ),
)
