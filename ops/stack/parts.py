"""What one data directory's stack consists of: servers, services and gateway, each with its way to start."""

import sys

from contracts.topology import PROVISIONER, SERVICES
from ops.process import GATED
from ops.stack.component import Component
from ops.stack.environment import Environments
from ops.stack.layout import Layout
from ops.stack.nats import Nats
from ops.stack.postgres import Postgres
from ops.stack.probes import http_probe
from ops.stack.sandbox_processor import NAME as SANDBOX_PROCESSOR
from ops.stack.sandbox_processor import SandboxProcessor
from ops.stack.schema_record import SchemaRecord
from ops.stack.secrets import Secrets, load_or_create
from ops.stack.valkey import Valkey


class Parts:
    """The servers of one data directory with their ports and secrets, whether they run or not."""

    def __init__(self, layout: Layout, ports: dict[str, int], secrets: Secrets, *, durable: bool = True) -> None:
        self.ports = ports
        self.secrets = secrets
        self.postgres = Postgres(layout.postgres, ports["postgres"], secrets, durable)
        keys = {user: secrets.nats_public_key(user) for user in secrets.nats_seeds}
        self.nats = Nats(layout.nats, ports["nats"], ports["nats-monitoring"], keys, durable)
        self.valkey = Valkey(layout.valkey, ports["valkey"], secrets.valkey_password)
        self.sandbox_processor = SandboxProcessor(
            layout.sandbox_processor, ports[SANDBOX_PROCESSOR], ports["gateway"], secrets.processor_accounts
        )
        self.schema = SchemaRecord(layout.schema, self.postgres)
        self.environments = Environments(self.postgres, self.nats, self.valkey, self.sandbox_processor, secrets, ports)

    @classmethod
    def of(cls, layout: Layout, ports: dict[str, int], *, durable: bool = True) -> "Parts":
        """Return the parts of a data directory, with its secrets made if need be. Raises StackError."""
        return cls(layout, ports, load_or_create(layout.secrets), durable=durable)

    def components(self) -> list[Component]:
        """Return every process, in start order."""
        servers = [self.postgres.component(), self.nats.component(), self.valkey.component()]
        return [
            *servers,
            self._migrations(),
            self._provisioner(),
            self._sandbox_processor(),
            *(self._service(name) for name in SERVICES),
            self._gateway(),
        ]

    def _migrations(self) -> Component:
        cold = not self.schema.path.exists()  # else it most likely has nothing to do, and need not be loaded
        return Component(
            "migrate",
            _process("migrate", gated=cold),
            environment=self.environments.migrations(),
            after=("postgres",),
            loads_after=() if cold else None,
            one_shot=True,
            needed=self.schema.is_outdated,
            once_healthy=self.schema.remember,
        )

    def _provisioner(self) -> Component:
        return Component(
            PROVISIONER,
            _process(PROVISIONER),
            loads_after=(),
            probe=self.nats.provisioned,
            environment=self.environments.provisioner(),
            after=("nats",),
        )

    def _sandbox_processor(self) -> Component:
        return Component(
            SANDBOX_PROCESSOR,
            _process(SANDBOX_PROCESSOR),
            probe=http_probe(self.ports[SANDBOX_PROCESSOR], "/readyz"),
            environment=self.environments.sandbox_processor(),
            port=self.ports[SANDBOX_PROCESSOR],
            loads_after=("postgres",),  # it needs nobody; as for the services
        )

    def _service(self, name: str) -> Component:
        return Component(
            name,
            _process(name),
            probe=http_probe(self.ports[name], "/readyz"),
            environment=self.environments.service(name),
            port=self.ports[name],
            after=("migrate", PROVISIONER),
            uses=(SANDBOX_PROCESSOR,) if name == "payments" else (),
            loads_after=("postgres",),  # not at once: on few cores that would only delay PostgreSQL
        )

    def _gateway(self) -> Component:
        return Component(
            "gateway",
            _process("gateway"),
            probe=http_probe(self.ports["gateway"], "/readyz"),
            environment=self.environments.gateway(),
            port=self.ports["gateway"],
            after=("nats", "valkey", PROVISIONER),
            uses=SERVICES,
            loads_after=("postgres",),
        )


def _process(name: str, *, gated: bool = True) -> tuple[str, ...]:
    # -P: a directory of the caller's that happens to be named like one of our rooms is not imported instead.
    return (sys.executable, "-P", "-m", "ops.process", name, *([GATED] if gated else []))
