"""The secrets of a deployment in containers: a directory for each container, and in it a file for each setting.

Each directory is a volume of its own, so that a container sees its own secrets and no others. The containers have the
names that compose.yaml gives them.
"""

import json
import secrets as random
from collections.abc import Mapping
from pathlib import Path

from contracts.topology import OPERATOR, SERVICES, USERS
from ops.service_databases import variable
from ops.stack import nats, valkey
from ops.stack.environment import migration_variable
from ops.stack.process_secrets import secrets_of
from ops.stack.sandbox_processor import NAME as SANDBOX_PROCESSOR
from ops.stack.sandbox_processor import SandboxProcessor
from ops.stack.secrets import Secrets, load_or_create

KEPT = "kept"
"""The directory of the secrets themselves, which no container has but the one that writes the others."""
EVERYWHERE = "0.0.0.0"  # noqa: S104  # inside a container; what reaches it is up to its networks
READABLE = 0o444  # by whatever user the container runs as: nobody else sees its volume
SANDBOX_HOST, SANDBOX_PORT = "sandbox-processor", 8080


def write_secret_files(directory: Path) -> list[str]:
    """Write every container's secrets, made if need be; return the containers' names. Raises StackError.

    Those that are kept are used again: servers and data know no others.
    """
    (directory / KEPT).mkdir(parents=True, exist_ok=True)
    containers = secret_files(load_or_create(directory / KEPT / "secrets.json"))
    for container, files in containers.items():
        (directory / container).mkdir(exist_ok=True)
        for name, text in files.items():
            _write(directory / container / name, text)
    return list(containers)


def secret_files(secrets: Secrets) -> dict[str, dict[str, str]]:
    """Return each container's files: their names and what is in them."""
    databases = {service: _database_url(service, service, secrets) for service in SERVICES}
    sandbox = SandboxProcessor(Path(), SANDBOX_PORT, 0, secrets.processor_accounts, SANDBOX_HOST)
    files = {process: _settings(process, secrets_of(process, secrets)) for process in USERS}
    for service in SERVICES:
        files[service] |= _settings(service, {"DATABASE_URL": databases[service]})
    files[OPERATOR] |= {variable(service): url for service, url in databases.items()}
    files["payments"] |= _settings("payments", sandbox.client_settings())
    password = secrets.valkey_password.get_secret_value()
    files["gateway"] |= _settings("gateway", {"REDIS_URL": f"redis://:{password}@redis:6379/0"})
    return files | {
        "demo": _demo(secrets),
        SANDBOX_HOST: _settings(SANDBOX_PROCESSOR, {"ACCOUNTS": sandbox.settings()["ACCOUNTS"]}),
        "migrate": {migration_variable(s): _database_url(s, f"{s}_owner", secrets) for s in SERVICES},
        "nats": {"nats.conf": _nats_configuration(secrets)},
        "redis": {"valkey.conf": valkey.configuration(EVERYWHERE, 6379, "/data", secrets.valkey_password)},
        **{f"postgres-{service}": _postgres(service, secrets) for service in SERVICES},
    }


def _settings(process: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{process.upper()}_{name}": value for name, value in values.items()}


def _database_url(service: str, role: str, secrets: Secrets) -> str:
    password = secrets.role_passwords[role].get_secret_value()
    return f"postgresql://{role}:{password}@postgres-{service}:5432/{service}"


def _postgres(service: str, secrets: Secrets) -> dict[str, str]:
    """Return the roles' passwords; the administrator's is new each time: what it is first nobody needs to know."""
    roles = {f"{role.upper()}_PASSWORD": role for role in (service, f"{service}_owner")}
    passwords = {name: secrets.role_passwords[role].get_secret_value() for name, role in roles.items()}
    return passwords | {"POSTGRES_PASSWORD": random.token_urlsafe()}


def _demo(secrets: Secrets) -> dict[str, str]:
    """Return what the demo plays and looks for evidence with; nothing else sees so much, so it stays nowhere."""
    values = {f"{s.upper()}_DATABASE_URL": _database_url(s, s, secrets) for s in SERVICES}
    values |= {
        "NATS_SEED": secrets.nats_seeds[OPERATOR].get_secret_value(),
        "OPERATOR_PASSWORD": secrets.operator_password.get_secret_value(),
    }
    return _settings("demo", values)


def _nats_configuration(secrets: Secrets) -> str:
    keys = {user: secrets.nats_public_key(user) for user in USERS}
    return json.dumps(nats.configuration(f"{EVERYWHERE}:4222", f"{EVERYWHERE}:8222", "/data", keys), indent=2)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(text)
    draft.chmod(READABLE)
    draft.replace(path)
