"""The stack's NATS as one of its own users sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client

from ops.stack.stack import Stack
from outbox.connection import connect
from outbox.settings import BrokerSettings


@asynccontextmanager
async def connected(stack: Stack, user: str) -> AsyncIterator[Client]:
    """Lend a connection under a user of the topology, with that user's rights and no others."""
    seed = stack.parts.secrets.nats_seeds[user]
    client = await connect(BrokerSettings(nats_url=stack.parts.nats.url, nats_seed=seed), user)
    try:
        yield client
    finally:
        await client.close()
