"""Webhook endpoints. Their secrets are here as they were sealed (domain.signing)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.payments.domain.delivering import DisabledReason, Health
from contracts.payments import EndpointStatus
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_OWNERS_LOCK = 7031
_LOCK_OWNER = "SELECT pg_advisory_xact_lock($1, hashtext($2::text))"
_COUNT = "SELECT count(*) FROM webhook_endpoint WHERE owner = $1 AND deleted_at IS NULL"
_INSERT = """
INSERT INTO webhook_endpoint (id, owner, url, events, description, status, secret, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
"""
_SHOWN = """
SELECT id, owner, url, events, description, status, disabled_reason, secret, old_secret, old_until, failing_since,
       created_at, updated_at
FROM webhook_endpoint WHERE owner = $1 AND deleted_at IS NULL
"""
_ALL = _SHOWN + " ORDER BY id"
_ONE = _SHOWN + " AND id = $2"
_LOCK = _ONE + " FOR NO KEY UPDATE"
_UPDATE = """
UPDATE webhook_endpoint
SET url = $2, events = $3, description = $4, status = $5, disabled_reason = $6, secret = $7, old_secret = $8,
    old_until = $9, failing_since = $10, updated_at = $11
WHERE id = $1
"""
# What was the secret is forgotten at once.
_DELETE = """
UPDATE webhook_endpoint SET deleted_at = $2, updated_at = $2, secret = '', old_secret = NULL, old_until = NULL
WHERE id = $1
"""
_ASKING = """
SELECT id, owner, events FROM webhook_endpoint
WHERE owner = ANY ($1::uuid[]) AND deleted_at IS NULL AND status = 'enabled'
"""
_LOCK_HEALTH = """
SELECT id, failing_since, status, disabled_reason FROM webhook_endpoint
WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
_SAVE_HEALTH = """
UPDATE webhook_endpoint AS e
SET failing_since = h.failing_since, disabled_reason = h.reason,
    status = CASE WHEN h.reason IS NULL THEN 'enabled' ELSE 'disabled' END,
    updated_at = CASE WHEN e.disabled_reason IS NOT DISTINCT FROM h.reason THEN e.updated_at ELSE $4 END
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS h (id, failing_since, reason)
WHERE e.id = h.id
"""


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint as it is stored; secrets are sealed. `old_secret` signs, too, until `old_until`."""

    id: UUID
    owner: UUID
    url: str
    events: tuple[str, ...]
    description: str | None
    status: EndpointStatus
    secret: bytes
    created_at: datetime
    updated_at: datetime
    disabled_reason: str | None = None
    old_secret: bytes | None = None
    old_until: datetime | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """An enabled endpoint, and the events that it asks for."""

    id: UUID
    owner: UUID
    events: tuple[str, ...]


async def lock_owner(tx: Transaction, owner: UUID) -> int:
    """Let nobody else add an endpoint of this owner's meanwhile; return how many there are."""
    await tx.execute(_LOCK_OWNER, _OWNERS_LOCK, str(owner))
    count: int = await tx.fetchval(_COUNT, owner)
    return count


async def insert(tx: Transaction, row: EndpointRow) -> None:
    """Add an endpoint."""
    await tx.execute(
        _INSERT, row.id, row.owner, row.url, row.events, row.description, row.status.value, row.secret, row.created_at
    )


async def load_all(reads: Reads, owner: UUID) -> list[EndpointRow]:
    """Return an owner's endpoints, oldest first."""
    return [_endpoint(row) for row in await reads.fetch(_ALL, owner)]


async def load(reads: Reads, owner: UUID, endpoint: UUID) -> EndpointRow | None:
    """Return an endpoint of the owner's."""
    row = await reads.fetchrow(_ONE, owner, endpoint)
    return _endpoint(row) if row else None


async def lock(tx: Transaction, owner: UUID, endpoint: UUID) -> EndpointRow | None:
    """Lock an endpoint of the owner's and return it; new deliveries to it do not wait for that."""
    row = await tx.fetchrow(_LOCK, owner, endpoint)
    return _endpoint(row) if row else None


async def update(tx: Transaction, row: EndpointRow) -> None:
    """Write what may change of a locked endpoint."""
    await tx.execute(
        _UPDATE, row.id, row.url, row.events, row.description, row.status.value, row.disabled_reason, row.secret,
        row.old_secret, row.old_until, row.failing_since, row.updated_at,
    )  # fmt: skip


async def delete(tx: Transaction, endpoint: UUID) -> None:
    """Hide a locked endpoint for ever; its deliveries stay."""
    await tx.execute(_DELETE, endpoint, tx.now)


async def load_asking(reads: Reads, owners: Collection[UUID]) -> list[Asking]:
    """Return the enabled endpoints of these owners."""
    rows = await reads.fetch(_ASKING, list(owners))
    return [Asking(row["id"], row["owner"], tuple(row["events"])) for row in rows]


async def lock_health(tx: Transaction, endpoints: Collection[UUID]) -> dict[UUID, Health]:
    """Lock endpoints, in id order, and return how they do."""
    rows = await tx.fetch(_LOCK_HEALTH, list(endpoints))
    return {row["id"]: Health(row["failing_since"], _reason(row)) for row in rows}


async def save_health(tx: Transaction, health: Mapping[UUID, Health]) -> None:
    """Write how locked endpoints do."""
    rows = [(endpoint, h.failing_since, h.disabled.value if h.disabled else None) for endpoint, h in health.items()]
    if rows:
        await tx.execute(_SAVE_HEALTH, *columns(rows, 3), tx.now)


def _reason(row: asyncpg.Record) -> DisabledReason | None:
    if row["status"] == EndpointStatus.ENABLED:
        return None
    return DisabledReason(row["disabled_reason"] or DisabledReason.REQUESTED)


def _endpoint(row: asyncpg.Record) -> EndpointRow:
    return EndpointRow(
        id=row["id"],
        owner=row["owner"],
        url=row["url"],
        events=tuple(row["events"]),
        description=row["description"],
        status=EndpointStatus(row["status"]),
        secret=row["secret"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        disabled_reason=row["disabled_reason"],
        old_secret=row["old_secret"],
        old_until=row["old_until"],
        failing_since=row["failing_since"],
    )
