"""Proves every journal, and every exchange in one: its two transfers follow each other, at its rate."""

from dataclasses import dataclass

import asyncpg

from apps.wallet.audit.walk import Check, Finding, KeyWalk, Slice, Span
from apps.wallet.domain.exchange import bought_at
from outbox.database import Reads

_NIL = "00000000-0000-0000-0000-000000000000"

_COMPLETE = """
SELECT 'journal ' || j.id AS place FROM journal j
WHERE j.id > $1 AND j.id <= $2 AND (
    SELECT count(*) FROM transfer t
    WHERE t.sequence >= j.first_sequence AND t.sequence < j.first_sequence + j.transfers AND t.journal_id = j.id
) <> j.transfers
LIMIT $3
"""

JOURNALS = KeyWalk(
    name="journals",
    count="SELECT count(*) FROM journal",
    first=(_NIL,),
    end="SELECT id FROM journal ORDER BY id DESC LIMIT 1",
    bound="""
    SELECT s.id, count(*) OVER () AS rows
    FROM (SELECT id FROM journal WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) s ORDER BY s.id DESC LIMIT 1
    """,
    checks=(Check("not all of its transfers are there, one after the other", _COMPLETE),),
)

_EXCHANGES = """
SELECT x.sell_transfer, x.rate, s.amount AS sold, s.currency AS sold_currency,
       b.amount AS bought, b.currency AS bought_currency,
       (s.journal_id = x.journal_id AND b.journal_id = x.journal_id AND b.sequence = s.sequence + 1
        AND s.currency <> b.currency
        AND (SELECT f.kind = 'fx' FROM account f WHERE f.id = s.credit_account)
        AND (SELECT f.kind = 'fx' FROM account f WHERE f.id = b.debit_account)) AS is_one
FROM exchange x LEFT JOIN transfer s ON s.id = x.sell_transfer LEFT JOIN transfer b ON b.id = x.buy_transfer
WHERE x.sell_transfer > $1 AND x.sell_transfer <= $2 ORDER BY x.sell_transfer LIMIT $3
"""
_IS_ONE = "it is not between two transfers of its journal that follow each other through the fx accounts"
_AT_RATE = "what was bought is not what was sold at its rate"


@dataclass(frozen=True)
class ExchangeWalk:
    """Walks the exchanges; their rates are worked out as they were when they were posted, by the domain."""

    name: str = "exchanges"

    async def size(self, reads: Reads) -> int:
        """Return how many there are."""
        return int(await reads.fetchval("SELECT count(*) FROM exchange"))

    async def begin(self, reads: Reads) -> Span | None:
        """Return the span up to the last."""
        last = await reads.fetchval("SELECT sell_transfer FROM exchange ORDER BY sell_transfer DESC LIMIT 1")
        return Span((_NIL,), (str(last),)) if last else None

    async def step(self, reads: Reads, span: Span, rows: int) -> Slice:
        """Prove the next rows."""
        found = await reads.fetch(_EXCHANGES, *span.after, *span.end, rows)
        findings: list[Finding] = []
        for row in found:
            place = f"exchange {row['sell_transfer']}"
            if not row["is_one"]:
                findings.append(Finding(place, _IS_ONE))
            elif not _at_rate(row):
                findings.append(Finding(place, _AT_RATE))
        left = Span((str(found[-1]["sell_transfer"]),), span.end) if len(found) == rows else None
        return Slice(len(found), findings, left)


def _at_rate(row: asyncpg.Record) -> bool:
    try:
        bought = bought_at(row["sold"], row["sold_currency"], row["rate"], row["bought_currency"])
    except (LookupError, ArithmeticError, ValueError):  # no currency, no number: tampered rows may hold anything
        return False
    return bool(bought == row["bought"])
