"""The queue of webhook deliveries: which may go now, and what came of their attempts.

Of one endpoint and one payment only the earliest pending delivery may go. A later one that comes due before that is put
off until the earlier one is due; when the earlier one ends, the next in line is due at once. `tries` counts attempts as
they begin: a delivery that was never tried and is due in the future was put off.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.payments.domain.delivering import SendError, Sent, Standing
from outbox.database import columns
from outbox.transaction import Transaction

# The endpoints that anything waits for are found one after the other in the index, and then what is due at each.
_DUE = """
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id FROM webhook_delivery WHERE next_at IS NOT NULL ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM webhook_delivery d
            WHERE d.next_at IS NOT NULL AND d.endpoint_id > waiting.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
    FROM waiting WHERE waiting.endpoint_id IS NOT NULL
)
SELECT due.id, due.endpoint_id, due.intent_id, due.tries, due.next_at, due.first_at, due.is_recorded,
       e.status = 'enabled' AND e.deleted_at IS NULL AS is_wanted,
       (SELECT earlier.next_at FROM webhook_delivery earlier
        WHERE earlier.endpoint_id = due.endpoint_id AND earlier.intent_id = due.intent_id
              AND earlier.line < due.line AND earlier.next_at IS NOT NULL
        ORDER BY earlier.line LIMIT 1) AS waits_for
FROM waiting
JOIN webhook_endpoint e ON e.id = waiting.endpoint_id
CROSS JOIN LATERAL (
    SELECT d.id, d.endpoint_id, d.intent_id, d.line, d.tries, d.next_at,
           (SELECT at FROM webhook_attempt a WHERE a.delivery_id = d.id AND a.number = 1) AS first_at,
           EXISTS (SELECT FROM webhook_attempt a WHERE a.delivery_id = d.id AND a.number = d.tries) AS is_recorded
    FROM webhook_delivery d WHERE d.endpoint_id = waiting.endpoint_id AND d.next_at <= $1
    ORDER BY d.next_at, d.line LIMIT $5
    FOR UPDATE OF d SKIP LOCKED
) AS due
WHERE (e.failing_since IS NOT NULL OR e.status <> 'enabled') = $2 AND e.id <> ALL ($3::uuid[])
ORDER BY due.next_at LIMIT $4
"""
_CLAIM = """
UPDATE webhook_delivery AS d SET tries = d.tries + 1, next_at = $2
FROM webhook_endpoint AS e
WHERE d.id = ANY ($1::uuid[]) AND e.id = d.endpoint_id
RETURNING d.id, d.endpoint_id, d.intent_id, d.event_id, d.event, d.body, d.tries, d.created_at, d.traceparent, e.url,
          e.secret,
          CASE WHEN e.old_until > $3 THEN e.old_secret END AS old_secret, e.failing_since IS NOT NULL AS is_failing
"""
_PUT_OFF = """
UPDATE webhook_delivery AS d SET next_at = m.next_at
FROM unnest($1::uuid[], $2::timestamptz[]) AS m (id, next_at) WHERE d.id = m.id
"""
_DROP = """
UPDATE webhook_delivery SET status = 'failed', next_at = NULL, settled_at = $2 WHERE id = ANY ($1::uuid[])
"""
_FIRST_IN_LINE = """
SELECT first.id FROM unnest($1::uuid[], $2::uuid[]) AS line (endpoint_id, intent_id)
CROSS JOIN LATERAL (
    SELECT d.id FROM webhook_delivery d
    WHERE d.endpoint_id = line.endpoint_id AND d.intent_id = line.intent_id AND d.next_at IS NOT NULL
    ORDER BY d.line LIMIT 1
"""
_SEE_FIRST = _FIRST_IN_LINE + ") AS first"
_LOCK_FIRST = _FIRST_IN_LINE + "FOR UPDATE) AS first"
_LET_GO = "UPDATE webhook_delivery SET next_at = $2 WHERE id = ANY ($1::uuid[]) AND tries = 0 AND next_at > $2"
# What another process has claimed since, it records.
_RECORD = """
WITH told AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::integer[],
                         $7::text[], $8::integer[])
                  AS told (id, tries, status, next_at, at, status_code, error, milliseconds)
), moved AS (
    UPDATE webhook_delivery AS d
    SET status = told.status, next_at = told.next_at,
        settled_at = CASE WHEN told.next_at IS NULL THEN $9::timestamptz END
    FROM told WHERE d.id = told.id AND d.tries = told.tries AND d.status = 'pending'
    RETURNING d.id
)
INSERT INTO webhook_attempt (delivery_id, number, at, status_code, error, milliseconds)
SELECT told.id, told.tries, told.at, told.status_code, told.error, told.milliseconds
FROM told JOIN moved USING (id)
ON CONFLICT DO NOTHING
"""
_RECORD_INTERRUPTED = """
INSERT INTO webhook_attempt (delivery_id, number, at, error, milliseconds)
SELECT id, number, at, error, milliseconds
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::text[], $5::integer[])
     AS lost (id, number, at, error, milliseconds)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """A share of what is sent at once: `total` deliveries, at most `each` of one endpoint.

    Endpoints that fail have a lane of their own, so that they never take the place of those that work.
    """

    failing: bool
    total: int
    each: int


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that has come due. `waits_for` is when the earlier one is due that it has to let go first.

    `is_recorded` tells whether its last attempt's outcome is known, `is_wanted` whether its endpoint is enabled.
    """

    id: UUID
    endpoint_id: UUID
    intent_id: UUID | None
    tries: int
    next_at: datetime
    first_at: datetime | None
    waits_for: datetime | None
    is_recorded: bool
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery to be attempted now, its attempt number `tries`; `secrets` are sealed, the current one first."""

    id: UUID
    endpoint_id: UUID
    intent_id: UUID | None
    event_id: UUID
    event: str
    body: str
    tries: int
    first_at: datetime | None
    created_at: datetime
    url: str
    secrets: tuple[bytes, ...]
    is_failing: bool
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a claimed delivery's attempt, and where it stands now."""

    claim: Claim
    sent: Sent
    standing: Standing


async def lock_due(tx: Transaction, lane: Lane, limit: int, full: Collection[UUID], window: int) -> list[Due]:
    """Lock what is due in a lane, without waiting, the longest due first; `window` of each endpoint at most.

    `full` are endpoints that get no more for now.
    """
    rows = await tx.fetch(_DUE, tx.now, lane.failing, list(full), limit, window)
    return [Due(**row) for row in rows]


async def claim(tx: Transaction, due: Sequence[Due], until: datetime) -> list[Claim]:
    """Take locked deliveries into hand; whoever finds one after `until` takes it for forgotten."""
    if not due:
        return []
    await _record_interrupted(tx, [d for d in due if d.tries and not d.is_recorded])
    first = {d.id: d.first_at or (d.next_at if d.tries else None) for d in due}
    return [
        Claim(
            id=row["id"],
            endpoint_id=row["endpoint_id"],
            intent_id=row["intent_id"],
            event_id=row["event_id"],
            event=row["event"],
            body=row["body"],
            tries=row["tries"],
            first_at=first[row["id"]],
            created_at=row["created_at"],
            url=row["url"],
            secrets=tuple(secret for secret in (row["secret"], row["old_secret"]) if secret),
            is_failing=row["is_failing"],
            traceparent=row["traceparent"],
        )
        for row in await tx.fetch(_CLAIM, list(first), until, tx.now)
    ]


async def put_off(tx: Transaction, due: Sequence[Due], until: datetime) -> None:
    """Let locked deliveries wait for the earlier ones; for one that is about to go, or in hand, until `until`."""
    if not due:
        return
    rows = [(d.id, d.waits_for if d.waits_for and d.waits_for > tx.now else until) for d in due]
    await tx.execute(_PUT_OFF, *columns(rows, 2))
    # The earlier one may have ended since it was looked at: another look, which sees that, lets them go after all. Who
    # ends it from now on waits for this transaction, and then lets them go.
    await _let_first_go(tx, {(d.endpoint_id, d.intent_id) for d in due}, _SEE_FIRST)


async def drop(tx: Transaction, due: Sequence[Due]) -> None:
    """End locked deliveries whose endpoint is disabled or deleted."""
    if due:
        await tx.execute(_DROP, [d.id for d in due], tx.now)


async def record(tx: Transaction, outcomes: Sequence[Outcome]) -> None:
    """Write what came of attempts, and let the next in line go where a delivery has ended."""
    if not outcomes:
        return
    rows = [_told(outcome) for outcome in outcomes]
    await tx.execute(_RECORD, *columns(rows, 8), tx.now)
    ended = [outcome.claim for outcome in outcomes if outcome.standing.next_at is None]
    # Locked, because somebody may be about to put it off for the one that has ended here.
    await _let_first_go(tx, {(c.endpoint_id, c.intent_id) for c in ended if c.intent_id}, _LOCK_FIRST)


async def _let_first_go(tx: Transaction, lines: Collection[tuple[UUID, UUID | None]], look: str) -> None:
    """Let the first pending delivery of each endpoint and payment be due now, where it was put off."""
    first = await tx.fetch(look, *columns(list(lines), 2)) if lines else []
    if first:
        await tx.execute(_LET_GO, [row["id"] for row in first], tx.now)


async def _record_interrupted(tx: Transaction, lost: Sequence[Due]) -> None:
    """Write that the process died, or was cut off, during an attempt: it may or may not have arrived."""
    if lost:
        rows = [(d.id, d.tries, d.next_at, SendError.INTERRUPTED.value, 0) for d in lost]
        await tx.execute(_RECORD_INTERRUPTED, *columns(rows, 5))


def _told(outcome: Outcome) -> tuple[object, ...]:
    claim, sent, standing = outcome.claim, outcome.sent, outcome.standing
    return (
        claim.id,
        claim.tries,
        standing.status.value,
        standing.next_at,
        sent.at,
        sent.status_code,
        sent.error.value if sent.error else None,
        sent.milliseconds,
    )
