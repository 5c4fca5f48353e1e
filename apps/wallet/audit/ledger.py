"""Proves what is true of the ledger as a whole: zero sums, its head, and its periods."""

from dataclasses import dataclass

from apps.wallet.audit.walk import Finding, Slice, Span
from outbox.database import Reads

CURRENCIES = """
SELECT currency, count(*) AS accounts, sum(balance)::text AS total FROM account GROUP BY currency ORDER BY currency
"""
_HEAD = """
SELECT 'ledger' AS place WHERE (
    SELECT l.sequence = coalesce(t.sequence, 0) AND l.moved_at = coalesce(t.posted_at, 'epoch') FROM ledger l
    LEFT JOIN (SELECT sequence, posted_at FROM transfer ORDER BY sequence DESC LIMIT 1) t ON true
    WHERE l.id = 1) IS NOT TRUE
"""
_CLOSED = """
SELECT 'ledger' AS place FROM ledger l
WHERE l.closed_until IS DISTINCT FROM (SELECT p.ends_at FROM period p ORDER BY p.ends_at DESC LIMIT 1)
"""
_PERIODS = """
SELECT 'period ' || p.id AS place
FROM (SELECT o.*, lag(o.ends_at) OVER (ORDER BY o.ends_at) AS before FROM period o) p
WHERE p.starts_at IS DISTINCT FROM p.before OR p.ends_at > p.closed_at LIMIT 20
"""
# The newest seals can be taken away unseen by anything in here, and are then made again: other than those that were
# told, which is why outsiders keep their hashes (LedgerSealed).
_KEYS = """
SELECT 'seal_key ' || k.key_id AS place FROM seal_key k
WHERE k.first_used_at IS DISTINCT FROM (
    SELECT s.sealed_at FROM seal s WHERE s.key_id = k.key_id ORDER BY s.number LIMIT 1)
LIMIT 20
"""
_CHECKS = (
    ("its head is not its newest transfer", _HEAD),
    ("it is not closed until the end of its newest period", _CLOSED),
    ("it does not begin where the period before it ended, or was closed before its end", _PERIODS),
    ("it was first used by another seal, or by none", _KEYS),
)


@dataclass(frozen=True)
class LedgerWalk:
    """One step: statements over few rows, and one sum over all accounts."""

    name: str = "ledger"

    async def size(self, _reads: Reads) -> int:
        """Return 1."""
        return 1

    async def begin(self, _reads: Reads) -> Span | None:
        """Return the one step."""
        return Span((0,), (1,))

    async def step(self, reads: Reads, _span: Span, _rows: int) -> Slice:
        """Prove it."""
        findings = [
            Finding(row["currency"], f"sums to {row['total']}, not to zero")
            for row in await reads.fetch(CURRENCIES)
            if int(row["total"])
        ]
        for claim, query in _CHECKS:
            findings += [Finding(row["place"], claim) for row in await reads.fetch(query)]
        return Slice(1, findings, None)
