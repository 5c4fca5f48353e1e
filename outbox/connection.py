"""The NATS connection: own user, own inbox prefix, and reconnection that never gives up."""

from collections.abc import Awaitable, Callable
from typing import Any

import nats
import structlog
from nats.aio.client import Client

from contracts.topology import inbox_prefix
from outbox.settings import BrokerSettings

_LOG = structlog.get_logger()


async def _log_error(error: Exception) -> None:
    _LOG.warning("nats error", error=str(error) or type(error).__name__)


async def _nothing() -> None:
    """Do nothing when the connection goes or comes back."""


def connection_options(
    settings: BrokerSettings,
    user: str,
    on_reconnect: Callable[[], Awaitable[None]] = _nothing,
    on_disconnect: Callable[[], Awaitable[None]] = _nothing,
) -> dict[str, Any]:
    """Return the options that `nats.connect` and FastStream's broker share.

    `pending_size` is small: what cannot be sent now is to fail now, since outbox and gateway both send again.
    """
    return {
        "servers": [url.strip() for url in settings.nats_url.split(",")],
        "name": f"ledgerlink-{user}",
        "nkeys_seed_str": settings.nats_seed.get_secret_value(),
        "inbox_prefix": inbox_prefix(user).encode(),
        "connect_timeout": 2,
        "reconnect_time_wait": 0.2,
        "max_reconnect_attempts": -1,
        "ping_interval": 5,
        "max_outstanding_pings": 2,
        "pending_size": 2**20,
        "error_cb": _log_error,
        "reconnected_cb": on_reconnect,
        "disconnected_cb": on_disconnect,
    }


async def connect(settings: BrokerSettings, user: str) -> Client:
    """Connect as `user`; tries until NATS can be reached, so a caller that cannot wait brings a deadline."""
    return await nats.connect(**connection_options(settings, user) | {"allow_reconnect": True})
