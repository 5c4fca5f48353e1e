"""Reads API keys: an owner's, and whose one is."""

from datetime import UTC, datetime

from apps.identity.domain.scopes import narrowed
from apps.identity.store import api_keys
from contracts.identity import ApiKeys, CheckApiKey, KeyHolder, ListApiKeys
from contracts.message import Envelope
from outbox.database import Database
from outbox.responder import Refused


async def list_api_keys(database: Database, request: Envelope[ListApiKeys]) -> ApiKeys:
    """Return an owner's keys that hold, newest first."""
    async with database.reads() as reads:
        keys = await api_keys.of_owner(reads, request.data.owner, datetime.now(UTC))
    return ApiKeys(keys=[key.shown for key in keys])


async def check_api_key(database: Database, request: Envelope[CheckApiKey]) -> KeyHolder:
    """Return who a key acts for, with what it was made for and its owner still may. Raises Refused: `invalid_token`.

    Looking a hash up tells nothing about others: nobody can choose the hash of what they send.
    """
    async with database.reads() as reads:
        holder = await api_keys.holder(reads, bytes.fromhex(request.data.sha256), datetime.now(UTC))
    if holder is None:
        raise Refused("invalid_token", "The API key is not one that holds.")
    return holder.model_copy(update={"scopes": list(narrowed(holder.role, holder.scopes))})
