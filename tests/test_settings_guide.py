"""docs/guides/settings.md names every setting, and no other."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from apps.identity.settings import IdentitySettings
from apps.payments.settings import PaymentsSettings
from apps.risk.settings import RiskSettings
from apps.sandbox_processor.settings import SandboxProcessorSettings
from apps.wallet.settings import WalletSettings
from gateway.settings import GatewaySettings
from ops.provisioning import ProvisionerSettings
from outbox.migrate import MigrationSettings
from outbox.settings import InvalidSettingsError, ServiceSettings

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "settings.md"
OWN: dict[str, type[ServiceSettings]] = {
    "IDENTITY_": IdentitySettings,
    "WALLET_": WalletSettings,
    "PAYMENTS_": PaymentsSettings,
    "RISK_": RiskSettings,
}


def every_setting() -> set[str]:
    shared = {"…_" + name.upper() for name in (*ServiceSettings.model_fields, *MigrationSettings.model_fields)}
    own = {
        prefix + name.upper()
        for prefix, settings in OWN.items()
        for name in settings.model_fields.keys() - ServiceSettings.model_fields.keys()
    }
    gateway = {"GATEWAY_" + name.upper() for name in GatewaySettings.model_fields}
    sandbox = {"SANDBOX_PROCESSOR_" + name.upper() for name in SandboxProcessorSettings.model_fields}
    provisioner = {"PROVISIONER_" + name.upper() for name in ProvisionerSettings.model_fields}
    return shared | own | gateway | sandbox | provisioner | {"OPERATOR_NATS_URL", "OPERATOR_NATS_SEED"}


def test_the_guide_names_every_setting_and_no_other() -> None:
    named = set(re.findall(r"`((?:…|[A-Z]+)_[A-Z0-9_]*[A-Z0-9])`", GUIDE.read_text()))
    assert named == every_setting()


def test_an_inbox_that_forgets_before_the_senders_do_is_refused() -> None:
    with pytest.raises(InvalidSettingsError, match="INBOX_RETENTION_DAYS"):
        ServiceSettings(
            nats_seed=SecretStr("x"),
            database_url=SecretStr("x"),
            http_port=1,
            outbox_retention_days=14,
            inbox_retention_days=16,
        )
