"""What the identity service is told by its environment (IDENTITY_...)."""

from pydantic import EmailStr, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from contracts.identity import TOKEN_AUDIENCE, TOKEN_ISSUER
from outbox.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    """The signing key, the first operator, and what a guess at a password costs."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    signing_key: SecretStr = Field(description="Ed25519 private key, PEM")
    operator_email: EmailStr
    operator_password: SecretStr = Field(min_length=12, max_length=128)
    issuer: str = TOKEN_ISSUER
    audience: str = TOKEN_AUDIENCE
    client_id: str = "ledgerlink-gateway"
    token_seconds: int = Field(default=900, ge=60, le=86400)
    argon2_memory_kib: int = Field(default=19456, ge=64, le=2**20)
    argon2_time_cost: int = Field(default=2, ge=1, le=16)
    argon2_lanes: int = Field(default=1, ge=1, le=8)
    hashing_threads: int = Field(default=2, ge=1, le=16)
