"""Proves the totals of backdated entries, each by the one before it in its node of the tree."""

from apps.wallet.audit.walk import Check, KeyWalk

_TOTAL = """
SELECT 'backdated_total ' || b.account_id || ' level ' || b.level || ' bucket ' || b.bucket || ' sequence '
       || b.sequence AS place
FROM backdated_total b
WHERE (b.account_id, b.level, b.bucket, b.sequence) > ($1::uuid, $2::smallint, $3::bigint, $4::bigint)
  AND (b.account_id, b.level, b.bucket, b.sequence) <= ($5::uuid, $6::smallint, $7::bigint, $8::bigint)
  AND (SELECT t.effective_at < t.posted_at AND isfinite(t.effective_at)
              AND b.bucket = (extract(epoch FROM t.effective_at) * 1000000)::bigint >> (4 * b.level::integer)
              AND b.total = coalesce((
                  SELECT p.total FROM backdated_total p
                  WHERE p.account_id = b.account_id AND p.level = b.level AND p.bucket = b.bucket
                    AND p.sequence < b.sequence ORDER BY p.sequence DESC LIMIT 1), 0)
                  + CASE b.account_id WHEN t.debit_account THEN -t.amount WHEN t.credit_account THEN t.amount END
       FROM transfer t WHERE t.sequence = b.sequence) IS NOT TRUE
LIMIT $9
"""

TOTALS = KeyWalk(
    name="backdated totals",
    count="SELECT count(*) FROM backdated_total",
    first=("00000000-0000-0000-0000-000000000000", 0, 0, 0),
    end="""
    SELECT account_id, level, bucket, sequence FROM backdated_total
    ORDER BY account_id DESC, level DESC, bucket DESC, sequence DESC LIMIT 1
    """,
    bound="""
    SELECT s.account_id, s.level, s.bucket, s.sequence, count(*) OVER () AS rows
    FROM (SELECT b.account_id, b.level, b.bucket, b.sequence FROM backdated_total b
          WHERE (b.account_id, b.level, b.bucket, b.sequence) > ($1::uuid, $2::smallint, $3::bigint, $4::bigint)
            AND (b.account_id, b.level, b.bucket, b.sequence) <= ($5::uuid, $6::smallint, $7::bigint, $8::bigint)
          ORDER BY b.account_id, b.level, b.bucket, b.sequence LIMIT $9) s
    ORDER BY s.account_id DESC, s.level DESC, s.bucket DESC, s.sequence DESC LIMIT 1
    """,
    checks=(Check("it does not add one backdated entry to the total before it", _TOTAL),),
)
