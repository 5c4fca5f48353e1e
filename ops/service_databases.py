"""Where a service's database is: what the environment names, or that of the running stack."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from contracts.topology import SERVICES
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import read_ports
from outbox.settings import EnvironmentSettings


class DatabaseSettings(EnvironmentSettings):
    """Where a service's database is, if the environment says so."""

    database_url: SecretStr | None = None


def variable(service: str) -> str:
    """Return the name of the variable with the URL of a service's database."""
    return f"{service.upper()}_DATABASE_URL"


def named_database(service: str) -> str | None:
    """Return the URL that the environment, or a file of secrets, names."""

    class Settings(DatabaseSettings):
        model_config = SettingsConfigDict(env_prefix=f"{service.upper()}_")

    url = Settings().database_url
    return url.get_secret_value() if url else None


def find_database(service: str, data_dir: Path) -> str:
    """Return the URL of a service's database. Raises StackError, with what to do, where there is none."""
    if url := named_database(service):
        return url
    layout = Layout.at(data_dir)
    ports = read_ports(layout.ports)
    if not ports:
        hint = f"name its directory with --data-dir, or set {variable(service)}"
        raise StackError(f"there is no stack on {layout.root}: {hint}")
    return Parts.of(layout, ports).postgres.service_url(service)


def find_databases(data_dir: Path) -> dict[str, str]:
    """Return the URL of each service's database. Raises StackError where one is nowhere."""
    return {service: find_database(service, data_dir) for service in SERVICES}


def is_stopped(service: str, error: Exception) -> bool:
    """Tell whether an error means that the stack, whose database was to be read, does not run."""
    return isinstance(error, ConnectionRefusedError) and named_database(service) is None
