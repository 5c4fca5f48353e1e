"""What the payments service is told by its environment (PAYMENTS_...)."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from outbox.settings import ServiceSettings


class PaymentsSettings(ServiceSettings):
    """The service settings, and how long a payment waits for risk before it is given up."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_")

    risk_deadline_seconds: float = Field(default=60.0, ge=1.0, le=3600.0)

    @property
    def risk_deadline(self) -> timedelta:
        """The wait for risk, from the confirmation on."""
        return timedelta(seconds=self.risk_deadline_seconds)
