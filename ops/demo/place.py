"""Where a story is played: a stack of its own on this machine, or a deployment that runs somewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from contracts.topology import OPERATOR, SERVICES
from ops.stack.ports import HOST
from ops.stack.stack import Stack
from outbox.settings import BrokerSettings


@dataclass(frozen=True)
class Place:
    """The gateway, the operator's login, and what the evidence is read from.

    `databases` are the services', under the roles that they run with; `broker` is NATS with the operator's seed.
    `webhook_host` is how payments reach what listens beside the story.
    """

    gateway: str
    operator_email: str
    operator_password: SecretStr
    databases: Mapping[str, str]
    broker: BrokerSettings
    webhook_host: str = HOST


class DeploymentSettings(BrokerSettings):
    """How `ledgerlink demo --deployed` reaches what runs (DEMO_...)."""

    model_config = SettingsConfigDict(env_prefix="DEMO_")

    gateway_url: str
    operator_email: str
    operator_password: SecretStr
    identity_database_url: SecretStr
    wallet_database_url: SecretStr
    payments_database_url: SecretStr
    risk_database_url: SecretStr
    webhook_host: str


def of_stack(stack: Stack) -> Place:
    """Return the place that a stack on this machine is."""
    parts = stack.parts
    return Place(
        gateway=stack.url,
        operator_email=parts.secrets.operator_email,
        operator_password=parts.secrets.operator_password,
        databases={service: parts.postgres.service_url(service) for service in SERVICES},
        broker=BrokerSettings(nats_url=parts.nats.url, nats_seed=parts.secrets.nats_seeds[OPERATOR]),
    )


def of_deployment() -> Place:
    """Return the place that the environment names. Raises InvalidSettingsError."""
    settings = DeploymentSettings()
    urls: dict[str, SecretStr] = {service: getattr(settings, f"{service}_database_url") for service in SERVICES}
    return Place(
        gateway=settings.gateway_url,
        operator_email=settings.operator_email,
        operator_password=settings.operator_password,
        databases={service: url.get_secret_value() for service, url in urls.items()},
        broker=settings,
        webhook_host=settings.webhook_host,
    )
