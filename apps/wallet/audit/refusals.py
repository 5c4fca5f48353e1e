"""Proves that what was refused was not carried out as well.

An id names an operation of each kind: a journal may be refused under the id of a hold. It is the same operation only if
its fingerprint, which tells the kind, is the same, too.
"""

from apps.wallet.audit.walk import Check, KeyWalk

_BOTH = """
SELECT 'refusal ' || f.id AS place FROM refusal f
WHERE f.id > $1 AND f.id <= $2 AND (
    EXISTS (SELECT FROM transfer t WHERE t.id = f.id AND t.fingerprint = f.fingerprint)
    OR EXISTS (SELECT FROM journal j WHERE j.id = f.id AND j.fingerprint = f.fingerprint)
    OR EXISTS (SELECT FROM hold h WHERE h.id = f.id AND h.fingerprint = f.fingerprint)
    OR EXISTS (SELECT FROM hold_step s WHERE s.operation_id = f.id AND s.fingerprint = f.fingerprint))
LIMIT $3
"""

REFUSALS = KeyWalk(
    name="refusals",
    count="SELECT count(*) FROM refusal",
    first=("00000000-0000-0000-0000-000000000000",),
    end="SELECT id FROM refusal ORDER BY id DESC LIMIT 1",
    bound="""
    SELECT s.id, count(*) OVER () AS rows
    FROM (SELECT id FROM refusal WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) s ORDER BY s.id DESC LIMIT 1
    """,
    checks=(Check("it was refused, and carried out as well", _BOTH),),
)
