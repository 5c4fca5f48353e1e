"""What the payments service is told by its environment (PAYMENTS_...)."""

from datetime import timedelta

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from apps.payments.domain.deciding import Terms
from apps.payments.domain.routing import Routing
from apps.payments.domain.signing import SecretBox, SigningKeys
from apps.payments.processors import configuration
from apps.payments.processors.configuration import ProcessorSettings, RouteSettings
from outbox.settings import ServiceSettings


class PaymentsSettings(ServiceSettings):
    """How long payments wait for what, where cards and banks are reached, and how webhooks are signed and kept."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_")

    risk_deadline_seconds: float = Field(default=60.0, ge=1.0, le=3600.0)
    capture_days: float = Field(default=7.0, gt=0, le=31.0)
    abandon_days: float = Field(default=30.0, gt=0, le=365.0)
    action_hours: float = Field(default=1.0, gt=0, le=72.0)
    processors: list[ProcessorSettings] = Field(default_factory=list)
    routes: list[RouteSettings] = Field(default_factory=list)
    webhook_signing_key: SecretStr = Field(description="Ed25519 seeds, base64, separated by commas; all of them sign")
    secrets_key: SecretStr = Field(description="Fernet keys, separated by commas; the first seals, all of them open")
    webhooks_to_private_addresses: bool = False

    @field_validator("webhook_signing_key")
    @classmethod
    def _signs(cls, keys: SecretStr) -> SecretStr:
        try:
            SigningKeys(keys.get_secret_value())
        except ValueError:
            raise ValueError("not base64 of 32 bytes, or several of those separated by commas") from None
        return keys

    @field_validator("secrets_key")
    @classmethod
    def _seals(cls, keys: SecretStr) -> SecretStr:
        try:
            SecretBox(keys.get_secret_value())
        except ValueError:
            raise ValueError("not a Fernet key, or several of those separated by commas") from None
        return keys

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> "PaymentsSettings":
        self.routing()
        return self

    def routing(self) -> Routing:
        """Return which payments go to which processors."""
        return configuration.routing(self.processors, self.routes)

    def terms(self) -> Terms:
        """Return what the machine goes by."""
        return Terms(
            routing=self.routing(),
            risk_wait=timedelta(seconds=self.risk_deadline_seconds),
            capture_window=timedelta(days=self.capture_days),
            abandon_after=timedelta(days=self.abandon_days),
            action_wait=timedelta(hours=self.action_hours),
        )

    def signing_keys(self) -> SigningKeys:
        """Return the keys that sign webhooks."""
        return SigningKeys(self.webhook_signing_key.get_secret_value())

    def secret_box(self) -> SecretBox:
        """Return what endpoints' secrets are sealed with."""
        return SecretBox(self.secrets_key.get_secret_value())
