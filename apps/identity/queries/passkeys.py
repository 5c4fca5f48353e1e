"""Reads passkeys."""

from apps.identity.store import passkeys
from contracts.identity import ListPasskeys, Passkeys
from contracts.message import Envelope
from outbox.database import Database


async def list_passkeys(database: Database, request: Envelope[ListPasskeys]) -> Passkeys:
    """Return a user's passkeys, newest first."""
    async with database.reads() as reads:
        return Passkeys(passkeys=await passkeys.of_user(reads, request.data.user))
