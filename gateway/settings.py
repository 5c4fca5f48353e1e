"""What the gateway is told by its environment (GATEWAY_...)."""

import re
from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from contracts.identity import TOKEN_AUDIENCE, TOKEN_ISSUER, Acr
from outbox.settings import BrokerSettings, TraceSettings

_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]"
_HOST = re.compile(_NAME)
_ORIGIN = re.compile(rf"https?://({_NAME})(:[0-9]+)?")
MAX_WAIT_SECONDS = 30.0
"""The longest that `Prefer: wait=N` makes a request wait."""


class GatewaySettings(BrokerSettings, TraceSettings):
    """Where the gateway listens, whom it trusts, and the bounds of everything that a client can ask for."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=1, le=65535)
    trusted_proxies: str = Field(
        default="", description="Addresses and networks whose X-Forwarded-For and -Proto are believed, comma-separated"
    )
    hosts: str = Field(default="localhost,127.0.0.1,[::1]", description="Names that clients reach it by, as above")
    cors_origins: str = Field(default="", description="Origins whose pages may read answers, such as https://shop.test")
    redis_url: SecretStr
    pseudonym_key: SecretStr = Field(min_length=32, description="Of the pseudonyms that devices and addresses get")
    public_url: str = Field(
        default="http://localhost:8080",
        pattern=f"^({_ORIGIN.pattern})$",
        description="Where clients and browsers reach it",
    )
    token_issuer: str = TOKEN_ISSUER
    token_audience: str = TOKEN_AUDIENCE
    wait_seconds: float = Field(default=5.0, gt=0, le=MAX_WAIT_SECONDS)
    query_seconds: float = Field(default=2.0, gt=0, le=MAX_WAIT_SECONDS)
    overview_seconds: float = Field(default=1.0, gt=0, le=MAX_WAIT_SECONDS, description="For all its parts together")
    login_seconds: float = Field(default=5.0, gt=0, le=MAX_WAIT_SECONDS, description="Hashing a password takes longer")
    command_deadline_seconds: float = Field(default=60.0, gt=MAX_WAIT_SECONDS, le=600.0)
    max_in_flight: int = Field(default=2000, ge=1, le=100_000, description="Commands waited for at the same time")
    most_backlog: int = Field(default=5000, ge=1, le=10**6, description="Commands waiting for a service; then 503")
    head_bytes: int = Field(default=16 * 1024, ge=1024, le=2**20)
    head_fields: int = Field(default=100, ge=10, le=10_000)
    head_seconds: float = Field(default=10.0, gt=0, le=60.0)
    body_bytes: int = Field(default=64 * 1024, ge=1024, le=2**20)
    body_seconds: float = Field(default=10.0, gt=0, le=60.0)
    statement_bytes: int = Field(default=256 * 2**20, ge=1024, le=4 * 2**30)
    statement_seconds: float = Field(default=600.0, gt=0, le=3600.0)
    rate_limits: Path | None = Field(default=None, description="Policies instead of gateway/rate_limits.toml")
    webhook_bytes: int = Field(default=256 * 1024, ge=1024, le=512 * 1024, description="The same for processors' own")
    streams: int = Field(default=256, ge=1, le=10_000, description="Event streams that are open at the same time")
    streams_per_user: int = Field(default=8, ge=1)
    stream_seconds: float = Field(default=300.0, gt=0, le=3600.0, description="Then the client opens it again")
    account_cache: int = Field(default=100_000, ge=1, description="Accounts whose owner and currency are kept")
    token_cache: int = Field(default=10_000, ge=1, description="Verified tokens that are kept")
    token_seconds_most: int = Field(default=3600, ge=60, le=86_400, description="Tokens that hold longer are refused")
    api_key_seconds: float = Field(default=60.0, gt=0, le=60.0, description="How long it is known whose an API key is")
    revocation_poll_seconds: float = Field(default=5.0, gt=0, le=60.0)
    revocation_staleness_seconds: float = Field(
        default=30.0, gt=0, le=300.0, description="Tokens are refused when revocations are not known for so long"
    )
    fresh_seconds: int = Field(default=900, ge=60, le=86_400, description="So lately one has to have authenticated")
    admin_acr: Acr = Field(default=Acr.ONE_FACTOR, description="So surely, where roles and signing keys are changed")
    docs_client_id: str = Field(default="", max_length=64, description="OAuth client of GET /docs, a public one")
    access_log: bool = Field(default=True, description="One line of JSON per request")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in listed(value):
            ip_network(network)
        return value

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        for host in listed(value):
            if not _HOST.fullmatch(host):
                raise ValueError(f"not a host name or address without its port: {host}")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in listed(value):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"not an origin such as https://shop.test or http://localhost:3000: {origin}")
        return value


def listed(value: str) -> list[str]:
    """Return the parts of a setting that commas separate."""
    return [part.strip() for part in value.split(",") if part.strip()]
