"""The embedded NATS server: JetStream acknowledges what is on disk, and every service has an nkey user."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.topology import DURABLES, USERS, permissions, streams
from ops.stack import binaries
from ops.stack.component import Component
from ops.stack.ports import HOST
from ops.stack.private_files import write_private
from ops.stack.probes import http_get, http_probe

LAGS = "/jsz?streams=true&consumers=true"
MAX_PAYLOAD = 1 * 2**20
MAX_MEMORY_STORE = 64 * 2**20
# A responder may answer a request for this long; services reply once, and the gateway waits seconds at most.
RESPONSES = {"max": 1, "expires": "1m"}


def configuration(
    listen: str, monitoring: str, store: str, public_keys: Mapping[str, str], *, durable: bool = True
) -> dict[str, Any]:
    """Return the server's configuration, as JSON, which its own format contains.

    `listen` and `monitoring` are host:port, `store` is JetStream's directory, `public_keys` maps each user of
    the topology to its public nkey. `durable=False` is for the throw-away servers of tests.
    """
    return {
        "listen": listen,
        "http": monitoring,
        "max_payload": MAX_PAYLOAD,
        "jetstream": {
            "store_dir": store,
            # Without it an acknowledgement comes up to two minutes before the data is on disk.
            "sync_interval": "always" if durable else "2m",
            "max_memory_store": MAX_MEMORY_STORE,
            # Streams reserve their limits, which the default (3/4 of the free disk) may refuse.
            "max_file_store": sum(stream.max_bytes for stream in streams()),
        },
        "authorization": {"users": [_user(user, public_keys[user]) for user in USERS]},
    }


def _user(user: str, public_key: str) -> dict[str, Any]:
    granted = permissions(user)
    rules: dict[str, Any] = {
        "publish": {"allow": list(granted.publish)},
        "subscribe": {"allow": list(granted.subscribe)},
    }
    if granted.allow_responses:
        rules["allow_responses"] = RESPONSES
    return {"nkey": public_key, "permissions": rules}


@dataclass(frozen=True, slots=True)
class Nats:
    """One NATS server on this machine."""

    directory: Path
    port: int
    monitoring_port: int
    public_keys: Mapping[str, str]
    durable: bool = True

    @property
    def url(self) -> str:
        """The URL that clients connect to; their nkey seed authenticates them."""
        return f"nats://{HOST}:{self.port}"

    @property
    def jetstream(self) -> Path:
        """JetStream's store directory."""
        return self.directory / "jetstream"

    def component(self) -> Component:
        """Return how the supervisor runs it."""
        return Component(
            name="nats",
            argv=(str(binaries.nats_server()), "--config", str(self._config_file)),
            probe=http_probe(self.monitoring_port, "/healthz"),
            port=self.port,
            prepare=self.prepare,
        )

    async def prepare(self) -> None:
        """Write the configuration, so that it always is the topology of this version."""
        self.directory.mkdir(parents=True, exist_ok=True)
        listen, monitoring = f"{HOST}:{self.port}", f"{HOST}:{self.monitoring_port}"
        store = str(self.jetstream)
        content = configuration(listen, monitoring, store, self.public_keys, durable=self.durable)
        # As UTF-8: NATS's own format knows no \\u escapes, and a path may hold any character.
        write_private(self._config_file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    @property
    def _config_file(self) -> Path:
        return self.directory / "nats.conf"

    async def provisioned(self) -> str | None:
        """Return None when every stream and durable of the topology exists, else what lacks."""
        found = await self.consumers()
        lacking = {s.name for s in streams()} - found.keys()
        lacking |= {d.name for d in DURABLES if d.name not in found.get(d.stream, {})}
        return f"not provisioned yet: {', '.join(sorted(lacking))}" if lacking else None

    async def consumers(self) -> dict[str, dict[str, int]]:
        """Return per stream its durables and how many messages each still has to handle.

        Raises OSError when the server does not answer.
        """
        status, body = await asyncio.to_thread(http_get, self.monitoring_port, LAGS)
        if not body.startswith(b"{"):
            raise ConnectionError(f"NATS monitoring answered {status}")
        return _consumers(json.loads(body))


def _consumers(answer: dict[str, Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for account in answer.get("account_details") or []:
        for stream in account.get("stream_detail") or []:
            details = stream.get("consumer_detail") or []
            found[stream["name"]] = {c["name"]: c["num_pending"] + c["num_ack_pending"] for c in details}
    return found
