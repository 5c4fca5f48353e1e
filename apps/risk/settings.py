"""What the risk service is told by its environment (RISK_...). What it decides by is in rule sets, not here."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from apps.risk.domain.cases import CasePolicy
from apps.risk.domain.features.state import LABELS_SECONDS
from outbox.settings import ServiceSettings

_LEAST_DAYS = LABELS_SECONDS // 86_400


class RiskSettings(ServiceSettings):
    """How soon risk answers, and how long it remembers."""

    model_config = SettingsConfigDict(env_prefix="RISK_")

    answer_seconds: float = Field(default=0.05, gt=0, le=60, description="Then the rule set's policy answers instead")
    history_days: int = Field(default=400, ge=_LEAST_DAYS, le=3_660, description="Who was not seen for longer is new")
    four_eyes_amount: int = Field(
        default=9_000, ge=0, le=10**12, description="Above this (major units) two analysts decide about a case"
    )
    case_sla_hours: int = Field(default=24, ge=1, le=8_760, description="Within this time cases are to be decided")
    case_claim_minutes: int = Field(default=60, ge=1, le=10_080, description="Then a claimed case is free again")

    screening_threshold: int = Field(
        default=85, ge=60, le=100, description="How alike (of 100) a name must be to one on a sanctions list"
    )

    backtest_processes: int = Field(default=2, ge=1, le=64, description="Processes that judge past payments")

    @property
    def case_policy(self) -> CasePolicy:
        """How cases are worked on."""
        return CasePolicy(
            four_eyes_amount=self.four_eyes_amount,
            decided_within=timedelta(hours=self.case_sla_hours),
            claimed_for=timedelta(minutes=self.case_claim_minutes),
        )

    @property
    def history_retention(self) -> timedelta:
        """How long what was seen of somebody is kept after they were last seen."""
        return timedelta(days=self.history_days)
