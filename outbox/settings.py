"""What every service is told by its environment; each room subclasses this with its own prefix."""

import os
import re
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsError

from contracts.topology import streams

SECRETS_DIRECTORY = "LEDGERLINK_SECRETS_DIR"
"""Names a directory with a file for each setting that the environment does not hold: how containers get secrets."""


class InvalidSettingsError(ValueError):
    """A setting is missing or wrong; the text names the variables and holds none of their values."""


class EnvironmentSettings(BaseSettings):
    """Settings of a process. Making them raises InvalidSettingsError, which names what to set.

    They come from the environment, or else from files in `LEDGERLINK_SECRETS_DIR` that are named like the variables.
    """

    def __init__(self, **values: Any) -> None:
        prefix = self.model_config.get("env_prefix", "")
        try:
            super().__init__(_secrets_dir=os.environ.get(SECRETS_DIRECTORY), **values)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            told = "; ".join(_told(prefix, p["loc"], p["type"], p["msg"]) for p in problems)
        except SettingsError as error:
            told = _not_json(prefix, str(error))
        else:
            return
        # Raised here and not above: a traceback would show pydantic's own text, which repeats secret values.
        raise InvalidSettingsError(told)


def _told(prefix: str, location: tuple[int | str, ...], kind: str, message: str) -> str:
    variable = f"{prefix}{location[0]}".upper() if location else ""
    if kind == "missing" and len(location) == 1:
        return f"{variable} is not set"
    inside = ".".join(str(step) for step in location[1:])
    message = message.removeprefix("Value error, ")
    return ": ".join(part for part in (variable, inside, message) if part)


def _not_json(prefix: str, message: str) -> str:
    """Name the variable whose JSON cannot be read; pydantic-settings says only its field, in quotes."""
    field = re.search(r'field "(\w+)"', message)
    return f"{prefix}{field[1]}".upper() + ": not JSON" if field else "a setting is not JSON"


class LogSettings(EnvironmentSettings):
    """How much is logged, and for whom: `console` for people, `json` for machines."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"


class TraceSettings(EnvironmentSettings):
    """Which share of the traces that begin here is recorded, and where spans go by OTLP/HTTP; nowhere if not said."""

    trace_sample_ratio: float = Field(default=0.0, ge=0.0, le=1.0)
    otlp_endpoint: str = Field(default="", pattern=r"^(https?://[^/?#]+/?)?$")


class BrokerSettings(LogSettings):
    """How a process reaches NATS: the URL and the nkey seed of its own user."""

    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed: SecretStr


class ServiceSettings(BrokerSettings, TraceSettings):
    """What every service needs besides its own settings."""

    database_url: SecretStr
    database_pool_size: int = Field(default=10, ge=2, le=100)
    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=1, le=65535)
    batch_size: int = Field(default=1000, ge=1, le=1000)
    outbox_retention_days: int = Field(default=7, ge=1, le=90)
    inbox_retention_days: int = Field(
        default=16,
        ge=2,
        le=180,
        description="Longer than outbox retention and stream age together, so that nothing said again is taken for new",
    )

    @model_validator(mode="after")
    def _inbox_outlives_what_may_be_said_again(self) -> Self:
        longest = self.outbox_retention_days + max(stream.max_age for stream in streams()).days
        if self.inbox_retention_days <= longest:
            variable = f"{self.model_config.get('env_prefix', '')}INBOX_RETENTION_DAYS"
            raise ValueError(f"{variable} must exceed {longest}: outbox retention and stream age together")
        return self
