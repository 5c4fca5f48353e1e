"""Where customers stand, matches of people with listed parties, and what was decided about these.

Whoever writes here has the turn of decisions (store.decisions): a payment is decided by all that was said before it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson

from apps.risk.domain.screening.parties import PartyKey
from apps.risk.domain.screening.standing import Standing
from contracts.ids import new_id
from contracts.risk import (
    ListScreenings,
    SanctionsSource,
    Screening,
    ScreeningDecision,
    ScreeningStatus,
)
from outbox.database import Reads, columns
from outbox.transaction import Transaction

MOST_COUNTED = 1_000_000
_ADD_CUSTOMERS = "INSERT INTO customer_screening (customer) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING"
_DUE = """
SELECT customer FROM customer_screening WHERE screened_version < $1 ORDER BY screened_version, customer LIMIT $2
"""
_WAITING = """
SELECT count(*) FROM (SELECT FROM customer_screening WHERE screened_version < $1 LIMIT $2) AS waiting
"""
_SCREENED = """
UPDATE customer_screening AS c SET status = s.status, screened_version = $3, screened_at = $4
FROM unnest($1::uuid[], $2::text[]) AS s (customer, status)
WHERE c.customer = s.customer AND c.screened_version < $3
"""
_STAND = "UPDATE customer_screening SET status = $2 WHERE customer = $1"
# Of each pair the newest: those that were withdrawn before it count no more.
_MATCHES = """
SELECT DISTINCT ON (subject, source, reference, party_hash)
       id, subject, source, reference, party_hash, status, lists_version
FROM screening WHERE subject = ANY($1::uuid[]) ORDER BY subject, source, reference, party_hash, id DESC
"""
_ADD = """
INSERT INTO screening (id, subject, subject_kind, customer, payment_intent_id, screened_name, source, reference,
                       party_hash, party, listed_name, score, opened_at, lists_version)
SELECT id, subject, subject_kind, customer, payment_intent_id, screened_name, source, reference, party_hash,
       party::jsonb, listed_name, score, opened_at, $14
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::smallint[], $13::timestamptz[])
     AS added (id, subject, subject_kind, customer, payment_intent_id, screened_name, source, reference, party_hash,
               party, listed_name, score, opened_at)
"""
_DECIDED = "UPDATE screening SET status = $2 WHERE id = $1"
_FIND_AGAIN = "UPDATE screening SET lists_version = $2 WHERE id = ANY($1::uuid[])"
_WITHDRAW = "UPDATE screening SET status = 'withdrawn', lists_version = $2 WHERE id = ANY($1::uuid[])"
_ONE = "SELECT s.*, s.party::text AS party FROM screening s WHERE id = $1"
_DECISIONS = """
SELECT outcome, decided_by, reason, decided_at FROM screening_decision WHERE screening_id = $1 ORDER BY id LIMIT 100
"""
_PAGE = """
SELECT s.*, s.party::text AS party FROM screening s
WHERE status = $1 AND ($2::uuid IS NULL OR customer = $2) AND id < $3 ORDER BY id DESC LIMIT $4
"""
_DECIDE = """
INSERT INTO screening_decision (id, screening_id, outcome, decided_by, reason, decided_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_LAST_ID = UUID(int=2**128 - 1)


class KnownMatch(NamedTuple):
    """A match that is kept: where it stands, and by the lists up to which version."""

    id: UUID
    status: ScreeningStatus
    lists_version: int


async def add_customers(tx: Transaction, customers: Iterable[UUID]) -> None:
    """Note customers who have yet to be screened; those who are known already stay as they are."""
    await tx.execute(_ADD_CUSTOMERS, sorted(set(customers)))


async def load_due(reads: Reads, version: int, limit: int) -> list[UUID]:
    """Return customers who were not screened against the lists up to this version, those of the oldest first."""
    return [row["customer"] for row in await reads.fetch(_DUE, version, limit)]


async def count_waiting(reads: Reads, version: int) -> int:
    """Return how many customers were not screened against the lists up to this version, a million at most."""
    return int(await reads.fetchval(_WAITING, version, MOST_COUNTED))


async def save_standings(tx: Transaction, standings: Sequence[tuple[UUID, Standing]], version: int) -> None:
    """Record where customers stand who were screened against the lists up to this version."""
    await tx.execute(_SCREENED, *columns([(c, s.value) for c, s in standings], 2), version, tx.now)


async def save_standing(tx: Transaction, customer: UUID, standing: Standing) -> None:
    """Record where a customer stands after a decision."""
    await tx.execute(_STAND, customer, standing.value)


async def load_matches(reads: Reads, subjects: Collection[UUID]) -> dict[UUID, dict[PartyKey, KnownMatch]]:
    """Return the newest match with each party of each subject that has any."""
    found: defaultdict[UUID, dict[PartyKey, KnownMatch]] = defaultdict(dict)
    for row in await reads.fetch(_MATCHES, list(subjects)):
        party = PartyKey(SanctionsSource(row["source"]), row["reference"], row["party_hash"])
        match = KnownMatch(row["id"], ScreeningStatus(row["status"]), row["lists_version"])
        found[row["subject"]][party] = match
    return dict(found)


async def add(tx: Transaction, opened: Sequence[tuple[UUID, str, Screening]], version: int) -> None:
    """Keep new matches by the lists up to this version: each with its subject and the hash of its party."""
    if opened:
        await tx.execute(_ADD, *columns([_row(*one) for one in opened], 13), version)


async def find_again(tx: Transaction, screenings: Collection[UUID], version: int) -> None:
    """Note that matches are there by the lists up to this version, too."""
    if screenings:
        await tx.execute(_FIND_AGAIN, list(screenings), version)


async def withdraw(tx: Transaction, screenings: Collection[UUID], version: int) -> None:
    """Note that matches are there no more, by the lists up to this version."""
    await tx.execute(_WITHDRAW, list(screenings), version)


async def load_one(reads: Reads, screening_id: UUID) -> tuple[UUID, Screening] | None:
    """Return a match with all decisions, and its subject; None where there is none."""
    row = await reads.fetchrow(_ONE, screening_id)
    if row is None:
        return None
    decisions = [ScreeningDecision.model_validate(dict(d)) for d in await reads.fetch(_DECISIONS, screening_id)]
    return row["subject"], _screening(row).model_copy(update={"decisions": decisions})


async def load_page(reads: Reads, asked: ListScreenings, limit: int) -> list[Screening]:
    """Return matches, newest first, without names and decisions."""
    rows = await reads.fetch(_PAGE, asked.status.value, asked.customer, asked.before or _LAST_ID, limit)
    return [_screening(row).model_copy(update={"screened_name": None}) for row in rows]


async def save_decision(tx: Transaction, screening_id: UUID, decision: ScreeningDecision) -> None:
    """Keep what was decided about a match, and let it stand there."""
    row = (decision.outcome.value, decision.decided_by, decision.reason, decision.decided_at)
    await tx.execute(_DECIDE, new_id(), screening_id, *row)
    await tx.execute(_DECIDED, screening_id, decision.outcome.value)


def _row(subject: UUID, party_hash: str, screening: Screening) -> tuple[object, ...]:
    return (
        screening.id,
        subject,
        screening.subject_kind.value,
        screening.customer,
        screening.payment_intent_id,
        screening.screened_name,
        screening.party.source.value,
        screening.party.reference,
        party_hash,
        screening.party.model_dump_json(),
        screening.listed_name,
        screening.score,
        screening.opened_at,
    )


def _screening(row: asyncpg.Record) -> Screening:
    return Screening.model_validate(dict(row) | {"party": orjson.loads(row["party"])})
