"""What rule sets in shadow say of payments, counted; and of what they would decide otherwise, a bounded number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.risk.domain.backtesting import Flipped
from apps.risk.store.backtests import flip_of, flip_row
from contracts.risk import Flip, OutcomeChange, RuledOutcome
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_LAST_ID = UUID(int=2**128 - 1)
_COUNT = """
INSERT INTO shadow_tally AS t (rule_set, before, after, payments)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (rule_set, before, after) DO UPDATE SET payments = t.payments + excluded.payments
"""
_KEEP = """
INSERT INTO shadow_decision (rule_set, assessment_id, payment_intent_id, before, after, score_before, score, codes)
SELECT $1, id, payment_intent_id, before, after, score_before, score, string_to_array(codes, ',')
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::smallint[], $7::smallint[], $8::text[])
     AS f (id, payment_intent_id, before, after, score_before, score, codes)
ON CONFLICT DO NOTHING
"""
_TALLY = "SELECT before, after, payments FROM shadow_tally WHERE rule_set = $1 ORDER BY before, after"
_FLIPS = """
SELECT assessment_id, payment_intent_id, before, after, score_before, score, codes, NULL AS label
FROM shadow_decision WHERE rule_set = $1 AND assessment_id < $2 ORDER BY assessment_id DESC LIMIT $3
"""


async def load_tally(reads: Reads, rule_set: str) -> list[OutcomeChange]:
    """Return how many payments had which outcome, and would have had which."""
    return [
        OutcomeChange(before=RuledOutcome(before), after=RuledOutcome(after), payments=payments)
        for before, after, payments in await reads.fetch(_TALLY, rule_set)
    ]


async def count(tx: Transaction, judged: Mapping[tuple[str, str, str], int]) -> None:
    """Count payments by rule set, outcome and outcome in shadow."""
    rows = [(*key, payments) for key, payments in sorted(Counter(judged).items())]
    await tx.execute(_COUNT, *columns(rows, 4))


async def keep(tx: Transaction, rule_set: str, flips: Sequence[Flipped]) -> None:
    """Keep payments that would have been decided otherwise."""
    await tx.execute(_KEEP, rule_set, *columns([flip_row(flip)[:7] for flip in flips], 7))


async def load_flips(reads: Reads, rule_set: str, before: UUID | None, limit: int) -> list[Flip]:
    """Return payments that would have been decided otherwise, newest first, those asked for before `before`."""
    return [flip_of(row) for row in await reads.fetch(_FLIPS, rule_set, before or _LAST_ID, limit)]
