"""OAuth clients: who they say they are, and what their owners do with them."""

from uuid import UUID

from apps.identity.domain.clients import FIRST_PARTY, Client
from apps.identity.store import clients
from contracts.identity import ClientAuthentication
from outbox.database import Reads
from outbox.responder import Refused


async def find_client(reads: Reads, client_id: str) -> Client | None:
    """Return the client of an id as it is written in requests; None where none holds."""
    if client_id == FIRST_PARTY.client_id:
        return FIRST_PARTY
    try:
        return await clients.by_id(reads, UUID(client_id))
    except ValueError:
        return None


async def authenticate_client(reads: Reads, client: ClientAuthentication) -> Client:
    """Return the client that this is (RFC 6749 §2.3). Raises Refused with `invalid_client`."""
    known = await find_client(reads, client.client_id)
    secret = None if client.client_secret is None else client.client_secret.get_secret_value()
    if known is None or not known.accepts(secret):
        raise Refused("invalid_client", "There is no such client, or its secret is another one.")
    return known
