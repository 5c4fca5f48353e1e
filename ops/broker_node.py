"""The configuration of one node of a NATS cluster: what `ledgerlink broker-node` writes, TLS on every connection.

The users and what they may do are this version's topology, so a deployment writes it anew for each release.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from ops.stack import nats
from outbox.settings import EnvironmentSettings

CLIENTS, ROUTES, MONITORING = 4222, 6222, 8222
STORE = "/data"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # inside a container; what reaches it is up to its networks
ROUTES_USER = "routes"
READABLE = 0o444  # by NATS's own user; nobody else sees the volume


class BrokerNodeSettings(EnvironmentSettings):
    """Which node this is, who the others are, and what they know each other by (BROKER_...)."""

    model_config = SettingsConfigDict(env_prefix="BROKER_")

    node: str
    nodes: str = Field(description="The names of all nodes, separated by commas")
    domain: str = Field(description="What follows a node's name in its address")
    public_keys: dict[str, str] = Field(description="JSON: the public nkey of each user")
    route_password: SecretStr = Field(min_length=20, description="What nodes know each other by")
    certificate: str = Field(description="PEM, for the names of all nodes")
    certificate_key: SecretStr
    authority: str = Field(description="PEM of the certificate that signed it")


def write(directory: Path) -> None:
    """Write nats.conf and the certificates that it names. Raises InvalidSettingsError."""
    settings = BrokerNodeSettings()
    files = {
        "certificate.pem": settings.certificate,
        "certificate-key.pem": settings.certificate_key.get_secret_value(),
        "authority.pem": settings.authority,
        "nats.conf": json.dumps(configuration(settings, directory), indent=2, ensure_ascii=False),
    }
    for name, text in files.items():
        (directory / name).write_text(text + "\n")
        (directory / name).chmod(READABLE)


def configuration(settings: BrokerNodeSettings, directory: Path) -> dict[str, Any]:
    """Return a node's configuration; the certificates are in `directory`."""
    tls = {
        "cert_file": str(directory / "certificate.pem"),
        "key_file": str(directory / "certificate-key.pem"),
        "ca_file": str(directory / "authority.pem"),
    }
    alone = nats.configuration(f"{EVERYWHERE}:{CLIENTS}", f"127.0.0.1:{MONITORING}", STORE, settings.public_keys)
    return alone | {"server_name": settings.node, "tls": tls, "cluster": _cluster(settings, tls)}


def _cluster(settings: BrokerNodeSettings, tls: dict[str, str]) -> dict[str, Any]:
    password = settings.route_password.get_secret_value()
    others = [node for node in settings.nodes.split(",") if node != settings.node]
    return {
        "name": "ledgerlink",
        "listen": f"{EVERYWHERE}:{ROUTES}",
        # Clients know all nodes by name; addresses that nodes tell are in no certificate.
        "no_advertise": True,
        "authorization": {"user": ROUTES_USER, "password": password, "timeout": 5},
        "routes": [f"nats-route://{ROUTES_USER}:{password}@{node}.{settings.domain}:{ROUTES}" for node in others],
        "tls": tls | {"verify": True, "timeout": 5},
    }
