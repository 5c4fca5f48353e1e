"""What the risk service is told by its environment (RISK_...)."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from apps.risk.domain.rules import Limits
from outbox.settings import ServiceSettings

_DEFAULT = Limits()


class RiskSettings(ServiceSettings):
    """The limits of the rule set, and how long a payer's history is kept."""

    model_config = SettingsConfigDict(env_prefix="RISK_")

    amount_limit: int = Field(default=_DEFAULT.amount, ge=0, description="Major units in one payment")
    hourly_volume_limit: int = Field(default=_DEFAULT.hourly_volume, ge=0, description="Major units of a payer")
    payments_per_minute_limit: int = Field(default=_DEFAULT.payments_per_minute, ge=0, description="Of a payer")
    review_amount: int = Field(default=_DEFAULT.review_amount, ge=0, description="Major units in one payment")
    large_amount: int = Field(default=_DEFAULT.large_amount, ge=0, description="Major units that are noted")
    step_up_amount: int = Field(default=_DEFAULT.step_up_amount, ge=0, description="Major units in one payment")
    step_up_seconds: float = Field(
        default=_DEFAULT.step_up_after.total_seconds(), ge=0, description="A payer proved so recently who they are"
    )
    history_hours: int = Field(default=3, ge=2, le=168, description="Longer than any rule looks back")

    @property
    def limits(self) -> Limits:
        """The limits, as the rules take them."""
        return Limits(
            amount=self.amount_limit,
            hourly_volume=self.hourly_volume_limit,
            payments_per_minute=self.payments_per_minute_limit,
            review_amount=self.review_amount,
            large_amount=self.large_amount,
            step_up_amount=self.step_up_amount,
            step_up_after=timedelta(seconds=self.step_up_seconds),
        )

    @property
    def history_retention(self) -> timedelta:
        """How long a payer's history is kept."""
        return timedelta(hours=self.history_hours)
