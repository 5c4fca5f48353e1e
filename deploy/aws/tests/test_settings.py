"""What is told to processes on AWS is what their settings classes read: nothing secret in the open, nothing missing."""

import pytest
from pydantic_settings import BaseSettings

from apps.identity.settings import IdentitySettings
from apps.payments.settings import PaymentsSettings
from apps.risk.settings import RiskSettings
from apps.wallet.settings import WalletSettings
from deploy.aws.environments import load
from deploy.aws.fill_secrets import complete
from deploy.aws.processes import AUTHORITY, BROKER_SECRETS, SECRET_SETTINGS, plain_settings, secret_keys
from deploy.aws.secret_names import AUTHORITY as AUTHORITY_SECRET
from deploy.aws.secret_names import BROKER
from gateway.settings import GatewaySettings
from ops.provisioning import ProvisionerSettings

CLASSES: dict[str, type[BaseSettings]] = {
    "identity": IdentitySettings,
    "wallet": WalletSettings,
    "payments": PaymentsSettings,
    "risk": RiskSettings,
    "gateway": GatewaySettings,
    "provisioner": ProvisionerSettings,
}
ELSEWHERE = {"DATABASE_URL", "REDIS_URL"}
"""Secret because a password may be in them; on AWS the password comes by itself."""


@pytest.mark.parametrize("process", CLASSES)
def test_every_secret_setting_is_in_secrets_manager(process: str) -> None:
    fields = CLASSES[process].model_fields
    secret = {name.upper() for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    assert secret - ELSEWHERE <= set(SECRET_SETTINGS[process])
    assert set(SECRET_SETTINGS[process]) <= {name.upper() for name in fields}


@pytest.mark.parametrize("process", CLASSES)
@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_a_process_starts_with_what_it_is_told(process: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = plain_settings(process, load(name), "10.20.0.0/16") | complete({})[process]
    told[f"{process.upper()}_DATABASE_URL"] = "postgresql://database:5432/x"
    told["GATEWAY_REDIS_URL"] = "rediss://:x@cache:6379/0"
    for variable, value in told.items():
        monkeypatch.setenv(variable, value)
    CLASSES[process]()
    known = {f"{process}_{field}".upper() for field in CLASSES[process].model_fields}
    assert {v for v in told if v.startswith(process.upper())} - known <= {f"{process.upper()}_DATABASE_URL"}


def test_what_is_there_is_kept_and_what_lacks_is_made() -> None:
    first = complete({})
    assert complete(first) == first
    poorer = {**first, "wallet": {"WALLET_NATS_SEED": first["wallet"]["WALLET_NATS_SEED"]}}
    again = complete(poorer)
    assert again["wallet"]["WALLET_NATS_SEED"] == first["wallet"]["WALLET_NATS_SEED"]
    assert again["wallet"]["WALLET_SEAL_KEY"] != first["wallet"]["WALLET_SEAL_KEY"]
    assert again["identity"] == first["identity"]
    renewed = complete(first, renew_certificates=True)
    assert renewed[AUTHORITY_SECRET][AUTHORITY] != first[AUTHORITY_SECRET][AUTHORITY]
    assert renewed[BROKER]["BROKER_ROUTE_PASSWORD"] == first[BROKER]["BROKER_ROUTE_PASSWORD"]


def test_every_field_that_a_task_reads_is_made() -> None:
    made = complete({})
    for process in SECRET_SETTINGS:
        assert set(secret_keys(process)) == made[process].keys()
    assert {f"BROKER_{name}" for name in BROKER_SECRETS} == made[BROKER].keys()
