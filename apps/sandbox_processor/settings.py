"""What the sandbox processor is told by its environment (SANDBOX_PROCESSOR_...)."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_settings import SettingsConfigDict

from apps.sandbox_processor.domain.signing import key_of
from outbox.settings import EnvironmentSettings


def _has_key(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


class AccountSettings(BaseModel):
    """One client's account: its API key, and the secret that signs its webhooks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: SecretStr = Field(min_length=16)
    webhook_secret: Annotated[SecretStr, AfterValidator(_has_key)]


AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]


class SandboxProcessorSettings(EnvironmentSettings):
    """Where the network listens, what it keeps where, whom it serves, and how slow it is."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_PROCESSOR_")

    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=1, le=65535)
    public_url: str | None = Field(
        default=None, pattern=r"^https?://[^/?#]+$", description="Where customers reach it, if not at host and port"
    )
    data_dir: Path
    accounts: dict[AccountName, AccountSettings] = Field(min_length=1)
    webhook_url: str = Field(pattern=r"^https?://[^/?#]+/.*$", description="With {account} for the account's name")
    seed: int = 0
    latency_ms: float = Field(default=10.0, ge=0, le=60_000, description="How long an answer takes, on average")
    late_seconds: float = Field(default=8.0, gt=0, le=600, description="How late a late answer is")
    hang_seconds: float = Field(default=60.0, gt=0, le=600, description="How long a lost answer hangs")

    def base_url(self, account: str) -> str:
        """Return an account's base URL as its customers see it."""
        return f"{self.public_url or f'http://{self.http_host}:{self.http_port}'}/{account}"
