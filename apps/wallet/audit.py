"""Proves the books: reads the whole ledger and says what does not add up. Memory is bounded: Postgres does the sums."""

from dataclasses import dataclass

from outbox.database import Connection

# Static text: a transaction's own limit instead of the service's ten seconds a statement.
_NO_HURRY = "SET LOCAL statement_timeout = '10min'"
_CLIENT_SECONDS = 660.0
_CURRENCIES = """
SELECT currency, count(*) AS accounts, sum(balance) AS total FROM account GROUP BY currency ORDER BY currency
"""
_COUNTS = "SELECT (SELECT count(*) FROM transfer) AS transfers, (SELECT count(*) FROM entry) AS entries"
_EXAMPLES = 5
_CHECKS = (
    (
        "the balance of account {} is not the sum of its entries",
        """
        SELECT a.id AS place FROM account a
        LEFT JOIN (SELECT account_id, sum(amount) AS total FROM entry GROUP BY account_id) e ON e.account_id = a.id
        WHERE a.balance <> coalesce(e.total, 0) LIMIT $1
        """,
    ),
    (
        "the balance of account {} is below its floor",
        "SELECT id AS place FROM account WHERE balance < floor LIMIT $1",
    ),
    (
        "the entry at sequence {} does not continue the balance before it",
        """
        SELECT sequence AS place FROM (
            SELECT sequence, amount, balance_after,
                   lag(balance_after, 1, 0::bigint) OVER (PARTITION BY account_id ORDER BY sequence) AS before
            FROM entry) e
        WHERE balance_after <> before + amount LIMIT $1
        """,
    ),
    (
        "transfer {} does not have exactly its two entries",
        """
        SELECT t.id AS place FROM transfer t
        LEFT JOIN entry d ON d.account_id = t.debit_account AND d.sequence = t.sequence
             AND d.transfer_id = t.id AND d.amount = -t.amount
        LEFT JOIN entry c ON c.account_id = t.credit_account AND c.sequence = t.sequence
             AND c.transfer_id = t.id AND c.amount = t.amount
        WHERE d.sequence IS NULL OR c.sequence IS NULL LIMIT $1
        """,
    ),
    (
        "an entry names transfer {}, which does not have it as one of its two",
        """
        SELECT e.transfer_id AS place FROM entry e
        LEFT JOIN transfer t ON t.id = e.transfer_id AND t.sequence = e.sequence
             AND ((e.account_id = t.debit_account AND e.amount = -t.amount)
                  OR (e.account_id = t.credit_account AND e.amount = t.amount))
        WHERE t.id IS NULL LIMIT $1
        """,
    ),
    (
        "transfer {} is posted, and refused as well",
        "SELECT id AS place FROM transfer JOIN refused_transfer USING (id) LIMIT $1",
    ),
    (
        "the ledger's order has a gap before sequence {}",
        """
        SELECT sequence AS place FROM (
            SELECT sequence, lag(sequence, 1, 0::bigint) OVER (ORDER BY sequence) AS before FROM transfer) t
        WHERE sequence <> before + 1 LIMIT $1
        """,
    ),
    (
        "the ledger's head, {}, is not its newest transfer",
        """
        SELECT l.sequence AS place FROM ledger l
        WHERE l.sequence <> coalesce((SELECT max(t.sequence) FROM transfer t), 0) LIMIT $1
        """,
    ),
)


@dataclass(frozen=True)
class CurrencyTotal:
    """The sum over all accounts of one currency, in minor units: zero in balanced books."""

    currency: str
    accounts: int
    total: int


@dataclass(frozen=True)
class Audit:
    """What the books hold, and what is wrong with them: a few examples of each kind of finding."""

    currencies: tuple[CurrencyTotal, ...]
    transfers: int
    entries: int
    findings: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Tell whether every currency sums to zero and nothing else was found."""
        return not self.findings


async def audit(connection: Connection) -> Audit:
    """Prove the whole ledger in one snapshot, while the service goes on. Reads only; any role that may read will do."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_NO_HURRY)
        rows = await connection.fetch(_CURRENCIES, timeout=_CLIENT_SECONDS)
        currencies = tuple(CurrencyTotal(row["currency"], row["accounts"], int(row["total"])) for row in rows)
        findings = [f"{c.currency} sums to {c.total}, not to zero" for c in currencies if c.total]
        for finding, query in _CHECKS:
            places = await connection.fetch(query, _EXAMPLES, timeout=_CLIENT_SECONDS)
            findings += [finding.format(row["place"]) for row in places]
        counts = await connection.fetchrow(_COUNTS, timeout=_CLIENT_SECONDS)
    transfers, entries = counts or (0, 0)
    return Audit(currencies, transfers, entries, tuple(findings))
