"""What the identity service is told by its environment (IDENTITY_...)."""

import os
from typing import Literal, Self

from pydantic import EmailStr, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from contracts.identity import TOKEN_AUDIENCE, TOKEN_ISSUER
from outbox.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    """Keys, the first operator and admin, lifetimes, what a guess at a password costs, and how users are written to."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    secrets_key: SecretStr = Field(
        description="Fernet keys that seal what is kept, comma-separated: the first seals, all of them open"
    )
    token_key: SecretStr = Field(
        description="Keys of 32 bytes in base64 that refresh tokens derive from, comma-separated: the first derives"
    )
    operator_email: EmailStr
    operator_password: SecretStr = Field(min_length=12, max_length=128)
    admin_email: EmailStr
    admin_password: SecretStr = Field(min_length=12, max_length=128)
    issuer: str = TOKEN_ISSUER
    audience: str = TOKEN_AUDIENCE
    token_seconds: int = Field(default=900, ge=60, le=3600, description="How long an access token holds")
    session_days: int = Field(default=30, ge=1, le=365, description="A session ends so long after its login")
    idle_days: int = Field(default=14, ge=1, le=365, description="A session ends when it is not used for so long")
    key_rotation_days: int = Field(default=30, ge=1, le=365, description="After that another key signs tokens")
    key_ahead_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="A key is published so long before it signs"
    )
    argon2_memory_kib: int = Field(default=19456, ge=64, le=2**20)
    argon2_time_cost: int = Field(default=2, ge=1, le=16)
    argon2_lanes: int = Field(default=1, ge=1, le=8)
    hashing_threads: int = Field(default=max(1, (os.cpu_count() or 2) - 1), ge=1, le=64)
    passkey_rp_id: str = Field(default="localhost", description="The domain that passkeys are for (WebAuthn RP ID)")
    passkey_origins: str = Field(
        default="http://localhost:8080", description="Origins from which passkeys are used, comma-separated"
    )
    public_url: str = Field(
        default="http://localhost:8080", description="Where users reach the pages that messages name"
    )
    sender: Literal["console", "smtp"] = Field(
        default="console", description="How users are written to: `console` logs the message, for development only"
    )
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the way to the mail server is encrypted; a server that does not is refused"
    )
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = "LedgerLink <no-reply@ledgerlink.example>"

    @model_validator(mode="after")
    def _has_a_mail_server(self) -> Self:
        if self.sender == "smtp" and not self.smtp_host:
            raise ValueError("IDENTITY_SMTP_HOST names the mail server where IDENTITY_SENDER is smtp")
        return self
