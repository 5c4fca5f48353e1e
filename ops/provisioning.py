"""Making NATS's streams and durables: what `ledgerlink provision` and the supervisor run."""

import asyncio

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from contracts.topology import PROVISIONER
from outbox.logs import set_up_logs
from outbox.provision import provision_once, watch
from outbox.settings import BrokerSettings


class ProvisionerSettings(BrokerSettings):
    """How the provisioner reaches NATS, and on how many of its nodes streams are kept (PROVISIONER_...)."""

    model_config = SettingsConfigDict(env_prefix="PROVISIONER_")

    replicas: int = Field(default=1, ge=1, le=5)


def run() -> None:
    """Provision, then stay and make again what NATS loses, until SIGTERM."""
    settings = ProvisionerSettings()
    set_up_logs(settings, PROVISIONER)
    asyncio.run(watch(settings, settings.replicas))


def run_once(again: str | None = None) -> list[str]:
    """Provision; return the names of the streams and durables that were created or changed.

    The service `again` is told again what it was told.
    """
    settings = ProvisionerSettings()
    return asyncio.run(provision_once(settings, settings.replicas, again))
