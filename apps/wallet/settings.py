"""What the wallet service is told by its environment (WALLET_...)."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from apps.wallet.domain.sealing import Signer
from outbox.settings import ServiceSettings


class WalletSettings(ServiceSettings):
    """The key that signs seals, and how much of its time the service gives to the audit."""

    model_config = SettingsConfigDict(env_prefix="WALLET_")

    seal_key: SecretStr = Field(description="Ed25519 private key, PEM")
    audit_share: float = Field(default=0.05, ge=0.0, le=0.5)

    @field_validator("seal_key")
    @classmethod
    def _signs(cls, pem: SecretStr) -> SecretStr:
        try:
            Signer(pem.get_secret_value())
        except (TypeError, ValueError):
            raise ValueError("not an Ed25519 private key in PEM") from None  # what is wrong with it would quote it
        return pem
