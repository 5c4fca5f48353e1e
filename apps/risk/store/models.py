"""Models that score payments."""

import asyncpg
import orjson

from contracts.risk import RiskModel
from outbox.database import Reads
from outbox.transaction import Transaction

# One change at a time: models are few, and how many there are decides whether one more is taken.
_TURN = 7109
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_COUNT = "SELECT count(*) FROM risk_model"
_BY_HASH = """
SELECT summary::text, approved_by, approved_at, NULL FROM risk_model LEFT JOIN model_approval USING (hash)
WHERE hash = $1
"""
_WHOLE = """
SELECT summary::text, approved_by, approved_at, document FROM risk_model LEFT JOIN model_approval USING (hash)
WHERE hash = $1
"""
_PAGE = """
SELECT summary::text, approved_by, approved_at, NULL FROM risk_model LEFT JOIN model_approval USING (hash)
WHERE $1::text IS NULL OR position < (SELECT b.position FROM risk_model b WHERE b.hash = $1)
ORDER BY position DESC LIMIT $2
"""
_REGISTER = """
INSERT INTO risk_model (hash, document, summary, registered_by, registered_at) VALUES ($1, $2, $3::jsonb, $4, $5)
"""
_APPROVE = "INSERT INTO model_approval (hash, registered_by, approved_by, approved_at) VALUES ($1, $2, $3, $4)"
_APPROVED = "SELECT document FROM risk_model JOIN model_approval USING (hash) WHERE hash = $1"
_ANY = "SELECT document FROM risk_model WHERE hash = $1"


async def take_turn(tx: Transaction) -> int:
    """Wait until nobody else registers or approves, to the end of the transaction; return how many models there are."""
    await tx.fetchval(_TAKE_TURN, _TURN)
    return int(await tx.fetchval(_COUNT))


async def load(reads: Reads, model: str) -> RiskModel | None:
    """Return a model without its document, None for one that is not kept."""
    row = await reads.fetchrow(_BY_HASH, model)
    return _model(row) if row else None


async def load_whole(reads: Reads, model: str) -> RiskModel | None:
    """Return a model with its document, None for one that is not kept."""
    row = await reads.fetchrow(_WHOLE, model)
    return _model(row) if row else None


async def load_page(reads: Reads, before: str | None, limit: int) -> list[RiskModel]:
    """Return models without their documents, newest first, those registered before the model `before`."""
    return [_model(row) for row in await reads.fetch(_PAGE, before, limit)]


async def load_approved(reads: Reads, model: str) -> bytes | None:
    """Return the canonical document of an approved model: what a rule set may score with. None where it may not."""
    document = await reads.fetchval(_APPROVED, model)
    return None if document is None else str(document).encode()


async def load_document(reads: Reads, model: str) -> bytes | None:
    """Return the canonical document of a model, approved or not: for a replay or a backtest."""
    document = await reads.fetchval(_ANY, model)
    return None if document is None else str(document).encode()


async def save_new(tx: Transaction, model: RiskModel, canonical: bytes) -> None:
    """Keep a model, which nobody has approved yet."""
    summary = model.model_dump_json(exclude={"approved_by", "approved_at", "document"})
    await tx.execute(_REGISTER, model.hash, canonical.decode(), summary, model.registered_by, model.registered_at)


async def save_approval(tx: Transaction, model: RiskModel) -> None:
    """Record who approved a model."""
    await tx.execute(_APPROVE, model.hash, model.registered_by, model.approved_by, model.approved_at)


def _model(row: asyncpg.Record) -> RiskModel:
    summary, approved_by, approved_at, document = row
    known = {"approved_by": approved_by, "approved_at": approved_at}
    return RiskModel.model_validate(
        orjson.loads(summary) | known | {"document": orjson.loads(document) if document else None}
    )
