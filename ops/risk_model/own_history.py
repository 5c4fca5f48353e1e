"""The product's own labelled history: what models would have seen of past payments, as it was stored with decisions."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
import numpy as np
import orjson
from numpy.typing import NDArray

from apps.risk.domain.replaying import named
from apps.risk.domain.rule_sets.without_history import complete
from apps.risk.domain.scoring.inputs import InputReader
from apps.risk.store import decision_records
from contracts.ids import first_id_of
from ops.read_only import read_only
from ops.risk_model.errors import RiskModelError
from ops.risk_model.inputs import INPUTS
from ops.risk_model.progress import Tell
from ops.risk_model.protocol import Period
from outbox.database import Reads

MOST_PAYMENTS = 2_000_000
AT_A_TIME = 2_000
# Nobody knows what a payment would have been that was declined: without a label it says nothing.
_PAGE = """
SELECT d.assessment_id, d.values::text AS values, d.catalogue, coalesce(l.label = 'fraud', false) AS is_fraud
FROM decision d LEFT JOIN label l USING (assessment_id) LEFT JOIN verdict v USING (assessment_id)
WHERE d.assessment_id > $1 AND d.assessment_id < $2 AND d.values IS NOT NULL
      AND (l.label IS NOT NULL OR coalesce(v.outcome, d.outcome) = 'approve')
ORDER BY d.assessment_id LIMIT $3
"""


class History(NamedTuple):
    """What a model would have seen of payments, one a row, and which of them were frauds."""

    read: NDArray[np.float64]
    frauds: NDArray[np.bool_]


async def read_history(url: str, period: Period, now: datetime, tell: Tell) -> History:
    """Read the payments of those days that were approved or are labelled; those without a label count as good.

    Raises RiskModelError where a day is not over or there are too many payments, OSError, asyncpg.PostgresError.
    """
    since = datetime.combine(period.first, time(), UTC)
    until = since + timedelta(days=period.days)
    if until > now:
        raise RiskModelError(f"The days of training, {period.first} to {period.last}, are not over yet")
    async with read_only(url) as connection:
        return await _Reading(Reads(connection), tell).between(since, until)


class _Reading:
    def __init__(self, reads: Reads, tell: Tell) -> None:
        self._reads, self._tell = reads, tell
        self._reader = InputReader(INPUTS)
        self._names: dict[str, list[str]] = {}

    async def between(self, since: datetime, until: datetime) -> History:
        after, end = UUID(int=first_id_of(since).int - 1), first_id_of(until)
        read: list[list[float]] = []
        frauds: list[bool] = []
        while page := await self._reads.fetch(_PAGE, after, end, AT_A_TIME):
            read += [await self._seen(row) for row in page]
            frauds += [row["is_fraud"] for row in page]
            if len(read) > MOST_PAYMENTS:
                raise RiskModelError(f"These days have more than {MOST_PAYMENTS:,} payments; take fewer")
            after = page[-1]["assessment_id"]
            self._tell(len(read))
        return History(np.array(read).reshape(len(read), len(INPUTS)), np.array(frauds, dtype=np.bool_))

    async def _seen(self, row: asyncpg.Record) -> list[float]:
        catalogue = row["catalogue"]
        if catalogue not in self._names:
            self._names[catalogue] = await decision_records.load_names(self._reads, catalogue)
        return self._reader.read(complete(named(self._names[catalogue], orjson.loads(row["values"]))))
