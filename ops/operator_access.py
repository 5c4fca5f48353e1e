"""The operator's connection to NATS, as a user of its own: to what the environment names, or to the running stack."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client
from pydantic_settings import SettingsConfigDict

from contracts.topology import OPERATOR
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import read_ports
from outbox.connection import connection_options
from outbox.settings import SECRETS_DIRECTORY, BrokerSettings

_PREFIX = "OPERATOR_"
_SEED = f"{_PREFIX}NATS_SEED"
CONNECT_SECONDS = 5.0


class OperatorSettings(BrokerSettings):
    """How an operator reaches NATS (OPERATOR_...)."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)


def find_broker(data_dir: Path) -> BrokerSettings:
    """Return how to reach NATS. Raises StackError, with what to do, where there is none."""
    if _SEED in os.environ or SECRETS_DIRECTORY in os.environ:
        return OperatorSettings()
    layout = Layout.at(data_dir)
    ports = read_ports(layout.ports)
    if not ports:
        raise StackError(f"there is no stack on {layout.root}: name its directory with --data-dir, or set {_SEED}")
    parts = Parts.of(layout, ports)
    return BrokerSettings(nats_url=parts.nats.url, nats_seed=parts.secrets.nats_seeds[OPERATOR])


@asynccontextmanager
async def connected(broker: BrokerSettings) -> AsyncIterator[Client]:
    """Lend a connection of the operator's. Raises StackError when NATS does not take it."""
    once = {"allow_reconnect": False, "max_reconnect_attempts": 1, "error_cb": _unheard}
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            client = await nats.connect(**connection_options(broker, OPERATOR) | once)
    except (OSError, TimeoutError, nats.errors.Error) as error:
        raise StackError(_told(broker, error)) from error
    try:
        yield client
    finally:
        await client.close()


def _told(broker: BrokerSettings, error: Exception) -> str:
    if "authorization" in str(error).lower():
        return f"NATS at {broker.nats_url} does not know the operator's key; restart NATS with this version's nats.conf"
    return f"NATS at {broker.nats_url} does not answer; see `ledgerlink status`, or start it with `ledgerlink up`"


async def _unheard(_error: Exception) -> None:
    """Ignore what nats-py only reports: what was asked for in vain is told by who asked."""
