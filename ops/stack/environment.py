"""The environment of each process: every setting a service reads, and no secret of another one."""

import os
from collections.abc import Mapping

from contracts.topology import PROVISIONER, SERVICES, USERS
from ops.stack.nats import Nats
from ops.stack.ports import HOST
from ops.stack.postgres import Postgres
from ops.stack.process_secrets import secrets_of
from ops.stack.sandbox_processor import NAME as SANDBOX_PROCESSOR
from ops.stack.sandbox_processor import SandboxProcessor
from ops.stack.secrets import Secrets
from ops.stack.valkey import Valkey


class Environments:
    """Makes the environments for one stack's servers, secrets and ports."""

    def __init__(
        self,
        postgres: Postgres,
        nats: Nats,
        valkey: Valkey,
        sandbox_processor: SandboxProcessor,
        secrets: Secrets,
        ports: Mapping[str, int],
    ) -> None:
        self._postgres = postgres
        self._nats = nats
        self._valkey = valkey
        self._sandbox_processor = sandbox_processor
        self._secrets = secrets
        self._ports = ports

    def service(self, name: str) -> dict[str, str]:
        """Return what `ledgerlink run <service>` reads."""
        own = {"DATABASE_URL": self._postgres.service_url(name)} | self._own(name) | self._http(name)
        if name == "identity":
            own |= {
                "ISSUER": self._gateway_url,
                "PUBLIC_URL": self._gateway_url,
                # Passkeys are for domains, and 127.0.0.1 is none (WebAuthn §5.1.2).
                "PASSKEY_ORIGINS": f"http://localhost:{self._ports['gateway']}",
                "ADMIN_EMAIL": self._secrets.admin_email,
                "OPERATOR_EMAIL": self._secrets.operator_email,
            }
        if name == "payments":
            own |= self._sandbox_processor.client_settings()
            own["WEBHOOKS_TO_PRIVATE_ADDRESSES"] = "true"  # merchants try theirs on this machine
        return _prefixed(name, own)

    def sandbox_processor(self) -> dict[str, str]:
        """Return what `ledgerlink run sandbox_processor` reads."""
        return _prefixed(SANDBOX_PROCESSOR, self._sandbox_processor.settings())

    def gateway(self) -> dict[str, str]:
        """Return what `ledgerlink run gateway` reads."""
        own = {"REDIS_URL": self._valkey.url, "TOKEN_ISSUER": self._gateway_url, "PUBLIC_URL": self._gateway_url}
        own |= self._own("gateway") | self._http("gateway")
        return _prefixed("gateway", own)

    def provisioner(self) -> dict[str, str]:
        """Return what `ledgerlink provision` reads."""
        return _prefixed(PROVISIONER, self._own(PROVISIONER))

    def migrations(self) -> dict[str, str]:
        """Return what `ledgerlink migrate` reads: the owners' URLs, which no service gets."""
        urls = {migration_variable(service): self._postgres.owner_url(service) for service in SERVICES}
        return dict(os.environ) | urls

    @property
    def _gateway_url(self) -> str:
        """Where clients find the gateway. The issuer of tokens is named by it, as RFC 8414 §3 wants it."""
        return f"http://{HOST}:{self._ports['gateway']}"

    def _own(self, user: str) -> dict[str, str]:
        """Return what each process of ours has: where the broker is, and its own secrets."""
        return {"NATS_URL": self._nats.url} | secrets_of(user, self._secrets)

    def _http(self, name: str) -> dict[str, str]:
        return {"HTTP_HOST": HOST, "HTTP_PORT": str(self._ports[name])}


def migration_variable(service: str) -> str:
    """Return the name of the variable with the URL under which a service's database is migrated."""
    return f"{service.upper()}_MIGRATION_DATABASE_URL"


def _prefixed(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return a process's whole environment: ours, without what is meant for other processes, and its settings."""
    # Without cached bytecode each of seven processes would compile all its libraries at every start.
    others = {*USERS, SANDBOX_PROCESSOR} - {name}
    unwanted = (*(f"{other.upper()}_" for other in others), "PYTHONDONTWRITEBYTECODE")
    inherited = {variable: value for variable, value in os.environ.items() if not variable.startswith(unwanted)}
    return inherited | {f"{name.upper()}_{setting}": value for setting, value in settings.items()}
