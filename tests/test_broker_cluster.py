"""Three nodes of NATS with what `ledgerlink broker-node` writes on AWS: TLS, three replicas, and one node lost."""

import asyncio
import ipaddress
import json
import secrets
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from cryptography.x509 import IPAddress
from nats.js.client import JetStreamContext
from pydantic import SecretStr

from contracts.topology import PROVISIONER, streams
from deploy.aws import certificates
from deploy.aws.fill_secrets import complete
from deploy.aws.node_health import CHECK
from ops import broker_node
from ops.stack import binaries
from ops.stack.component import Component
from outbox.connection import connect
from outbox.provision import provision_once
from outbox.settings import BrokerSettings
from tests.embedded_servers import EmbeddedServer
from tests.waiting import eventually

SECONDS = 60.0


class Cluster:
    """Nodes at addresses of their own of the loopback network, so that each has the ports of production."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        network, self.domain = 1 + secrets.randbelow(254), str(1 + secrets.randbelow(254))
        self.nodes = [f"127.{network}.{node}" for node in range(3)]
        made = complete({})
        addresses = [IPAddress(ipaddress.ip_address(self.address(node))) for node in self.nodes]
        trusted = certificates.make(addresses)
        own = {"BROKER_CERTIFICATE": trusted.certificate, "BROKER_CERTIFICATE_KEY": trusted.key}
        names = {"BROKER_NODES": ",".join(self.nodes), "BROKER_DOMAIN": self.domain}
        for name, value in (made["broker"] | own | names | {"BROKER_AUTHORITY": trusted.authority}).items():
            monkeypatch.setenv(name, value)
        self._seeds = {process: made[process][f"{process.upper()}_NATS_SEED"] for process in (PROVISIONER, "wallet")}
        self.servers = {node: self._server(node, directory / node, monkeypatch) for node in self.nodes}
        self.authority = directory / self.nodes[0] / "authority.pem"

    def address(self, node: str) -> str:
        return f"{node}.{self.domain}"

    def settings(self, user: str) -> BrokerSettings:
        """What a process is told on AWS: all nodes, over TLS."""
        url = ",".join(f"tls://{self.address(node)}:{broker_node.CLIENTS}" for node in self.nodes)
        return BrokerSettings(nats_url=url, nats_seed=SecretStr(self._seeds[user]))

    def _server(self, node: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedServer:
        directory.mkdir()
        monkeypatch.setenv("BROKER_NODE", node)
        broker_node.write(directory)
        # In a container all of its addresses are its own, and its disk is in one place; here neither.
        file = directory / "nats.conf"
        file.chmod(0o600)
        text = file.read_text().replace(broker_node.EVERYWHERE, self.address(node))
        text = text.replace("127.0.0.1", self.address(node)).replace(broker_node.STORE, str(directory / "store"))
        file.write_text(text)

        async def healthy() -> str | None:
            return await self.unhealthy(node)

        component = Component(
            name=f"node-{node}",
            argv=(str(binaries.nats_server()), "--config", str(file)),
            probe=healthy,
            port=broker_node.CLIENTS,
        )
        return EmbeddedServer(component, directory)

    async def unhealthy(self, node: str) -> str | None:
        """What ECS asks in the container; None when the node is well."""
        command = CHECK.replace("127.0.0.1", self.address(node))
        asked = await asyncio.create_subprocess_shell(
            command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return None if await asked.wait() == 0 else "unhealthy"


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    """Not started yet. Clients know its authority, and no other."""
    cluster = Cluster(tmp_path, monkeypatch)
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.authority))
    yield cluster
    for server in cluster.servers.values():
        await server.close()


async def publish(js: JetStreamContext, text: str) -> bool:
    try:
        await js.publish("wallet.events.transfer.posted", text.encode(), timeout=2)
    except (nats.errors.Error, TimeoutError):  # while another leader is chosen
        return False
    return True


async def test_a_cluster_comes_up_node_by_node_and_survives_one(cluster: Cluster) -> None:
    first, *others = cluster.nodes
    await cluster.servers[first].start()  # healthy alone: ECS makes the second only after the first
    for node in others:
        await cluster.servers[node].start()
    changed = await eventually("streams on three nodes", lambda: _provisioned(cluster), deadline=SECONDS)
    assert {stream.name for stream in streams()} <= set(changed)

    provisioner, wallet = [await connect(cluster.settings(user), user) for user in (PROVISIONER, "wallet")]
    try:
        js = wallet.jetstream()
        await eventually("an event is stored", lambda: publish(js, "before"), deadline=SECONDS)
        info = await provisioner.jetstream().stream_info("WALLET_EVENTS")
        assert info.config.num_replicas == 3
        assert info.cluster is not None
        lost = str(info.cluster.leader)
        await cluster.servers[lost].kill()
        await eventually("an event is stored without its leader", lambda: publish(js, "without"), deadline=SECONDS)
        await cluster.servers[lost].start()
        await eventually("the node has caught up", lambda: _caught_up(cluster, lost), deadline=SECONDS)
        state = (await provisioner.jetstream().stream_info("WALLET_EVENTS")).state
        assert state.messages >= 2
    finally:
        await provisioner.close()
        await wallet.close()


async def _provisioned(cluster: Cluster) -> list[str] | None:
    """Provision; None while nobody leads the nodes."""
    try:
        return await provision_once(cluster.settings(PROVISIONER), 3)
    except (nats.errors.Error, TimeoutError):
        return None


async def _caught_up(cluster: Cluster, node: str) -> bool:
    return await cluster.unhealthy(node) is None


async def test_nobody_speaks_to_a_node_unseen_or_by_a_certificate_of_others(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cluster.nodes[0]
    await cluster.servers[first].start()
    reader, writer = await asyncio.open_connection(cluster.address(first), broker_node.CLIENTS)
    greeting = json.loads((await reader.readline()).removeprefix(b"INFO "))
    writer.close()
    assert greeting["tls_required"] is True
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ssl.SSLCertVerificationError):
        await nats.connect(f"tls://{cluster.address(first)}:{broker_node.CLIENTS}", allow_reconnect=False)
