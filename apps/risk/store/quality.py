"""Labelled payments and what was decided about them, counted."""

from datetime import datetime
from typing import NamedTuple

from apps.risk.domain.quality import Decided, Fired
from contracts.ids import first_id_of
from contracts.risk import MOST_LABELLED, Label
from outbox.database import Reads

# One statement, so that what is told of rules and of outcomes is of the same payments. A rule fires once on a payment.
_COUNTED = """
WITH labelled AS MATERIALIZED (
    SELECT d.assessment_id, d.rule_set, d.outcome, d.step_up, d.rules, l.label, d.request->>'currency' AS currency,
           (d.request->>'amount')::bigint AS amount
    FROM label l JOIN decision d USING (assessment_id)
    WHERE l.assessment_id >= $1 AND l.assessment_id < $2 ORDER BY l.assessment_id DESC LIMIT $3
)
SELECT NULL AS rule, NULL AS action, rule_set, outcome, step_up, label, currency, count(*) AS payments,
       sum(amount)::bigint AS amount
FROM labelled GROUP BY rule_set, outcome, step_up, label, currency
UNION ALL
SELECT rule, action, NULL, NULL, NULL, label, currency, count(*), sum(amount)::bigint
FROM labelled,
     LATERAL (SELECT DISTINCT fired->>'name' AS rule, fired->>'action' AS action
              FROM jsonb_array_elements(rules) AS fired) AS once
GROUP BY rule, action, label, currency
"""


class Counted(NamedTuple):
    """What was counted; `is_whole` where there were not more payments than are looked at."""

    decided: list[Decided]
    fired: list[Fired]
    is_whole: bool


async def count(reads: Reads, since: datetime, until: datetime) -> Counted:
    """Return labelled payments asked for in `since` <= time < `until`, the newest of them."""
    rows = await reads.fetch(_COUNTED, first_id_of(since), first_id_of(until), MOST_LABELLED + 1)
    decided, fired = list[Decided](), list[Fired]()
    for row in rows:
        counted = Label(row["label"]), row["currency"], row["payments"], row["amount"]
        if row["rule"] is None:
            decided.append(Decided(row["rule_set"], row["outcome"], row["step_up"], *counted))
        else:
            fired.append(Fired(row["rule"], row["action"], *counted))
    return Counted(decided, fired, sum(row.payments for row in decided) <= MOST_LABELLED)
