"""Answers what is asked about models."""

from apps.risk.domain.scoring.registry import ModelRefusal
from apps.risk.store import models as store
from contracts.message import Envelope
from contracts.risk import GetModel, ListModels, RiskModel, RiskModelPage
from outbox.database import Database
from outbox.responder import Refused


async def get_model(database: Database, query: Envelope[GetModel]) -> RiskModel:
    """Return one model with its document. Raises Refused `model_not_found`."""
    async with database.reads() as reads:
        found = await store.load_whole(reads, query.data.hash)
    if found is None:
        refusal = ModelRefusal.MODEL_NOT_FOUND
        raise Refused(refusal.value, refusal.detail, "hash")
    return found


async def list_models(database: Database, query: Envelope[ListModels]) -> RiskModelPage:
    """Return a page of models; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_page(reads, asked.before, asked.limit + 1)
    shown = found[: asked.limit]
    return RiskModelPage(models=shown, next_before=shown[-1].hash if len(found) > asked.limit else None)
