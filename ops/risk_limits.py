"""The limits of a running stack: read in risk's database, set over HTTP in the name of an analyst."""

from typing import Any

from contracts.risk import TierLimit
from ops.gateway_session import GatewaySession
from outbox.database import Database

_PATH = "/v1/risk/limits"


async def show_limits(url: str) -> list[TierLimit]:
    """Return the limits that hold now. Raises OSError, asyncpg.PostgresError."""
    from apps.risk.store import limits

    database = Database(url, 1)
    await database.open()
    try:
        async with database.reads() as reads:
            return await limits.load_limits(reads, None)
    finally:
        await database.close()


async def set_limit(session: GatewaySession, limit: dict[str, Any]) -> TierLimit:
    """Set a limit in the name of an analyst. Raises StackError."""
    return TierLimit.model_validate(await session.post(_PATH, limit))
