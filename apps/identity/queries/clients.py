"""Reads OAuth clients of an owner."""

from apps.identity.store import clients
from contracts.identity import ListClients, OAuthClients
from contracts.message import Envelope
from outbox.database import Database


async def list_clients(database: Database, request: Envelope[ListClients]) -> OAuthClients:
    """Return an owner's clients, newest first."""
    async with database.reads() as reads:
        found = await clients.of_owner(reads, request.data.owner)
    return OAuthClients(clients=[client.shown for client in found])
