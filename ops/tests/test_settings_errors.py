"""What a person is told whose settings are missing or wrong: the variables' names, and no secret."""

import os
from pathlib import Path

import pytest

from ops.commands.options import DEFAULT_DATA_DIR, command_on
from ops.failures import told
from ops.migration import run as migrate
from ops.process import run_process
from ops.provisioning import run_once as provision
from outbox.settings import InvalidSettingsError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("WALLET_", "GATEWAY_", "PROVISIONER_", "LEDGERLINK_")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("process", "variables"),
    [
        ("wallet", ["WALLET_NATS_SEED", "WALLET_DATABASE_URL", "WALLET_HTTP_PORT", "WALLET_SEAL_KEY"]),
        ("gateway", ["GATEWAY_NATS_SEED", "GATEWAY_REDIS_URL", "GATEWAY_PSEUDONYM_KEY"]),
    ],
)
def test_a_process_names_the_variables_that_lack(
    process: str, variables: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_process(process)
    expected = "; ".join(f"{variable} is not set" for variable in variables)
    assert capsys.readouterr().err == f"Error: {expected}\n"


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ('{"sandbox": sk_secret', "SANDBOX_PROCESSOR_ACCOUNTS: not JSON"),
        (
            '{"sandbox": {"api_key": "sk_secret_sk_secret"}}',
            "SANDBOX_PROCESSOR_ACCOUNTS: sandbox.webhook_secret: Field required",
        ),
        (
            '{"sandbox": {"api_key": "sk_secret_sk_secret", "webhook_secret": "whsec_"}}',
            "SANDBOX_PROCESSOR_ACCOUNTS: sandbox.webhook_secret: a webhook secret holds 24 bytes at the least",
        ),
    ],
)
def test_a_wrong_part_of_a_json_setting_is_named_and_not_repeated(
    accounts: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"HTTP_PORT": "1", "DATA_DIR": "/nowhere", "WEBHOOK_URL": "http://localhost/", "ACCOUNTS": accounts}
    for name, value in others.items():
        monkeypatch.setenv(f"SANDBOX_PROCESSOR_{name}", value)
    with pytest.raises(SystemExit):
        run_process("sandbox_processor")
    assert capsys.readouterr().err == f"Error: {expected}\n"


def test_migrate_and_provision_name_theirs() -> None:
    with pytest.raises(InvalidSettingsError, match=r"^WALLET_MIGRATION_DATABASE_URL is not set$") as migrating:
        migrate(["wallet"])
    assert told(migrating.value) == "WALLET_MIGRATION_DATABASE_URL is not set"
    with pytest.raises(InvalidSettingsError, match=r"^PROVISIONER_NATS_SEED is not set$"):
        provision()


def test_a_wrong_value_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"NATS_SEED": "SUSECRET", "DATABASE_URL": "postgresql://secret", "HTTP_PORT": "12345678"}
    for name, value in values.items():
        monkeypatch.setenv(f"WALLET_{name}", value)
    with pytest.raises(SystemExit):
        run_process("wallet")
    said = capsys.readouterr().err
    assert said.startswith("Error: WALLET_HTTP_PORT: ")
    assert not [value for value in values.values() if value in said]


def test_a_hint_leads_to_the_same_data() -> None:
    assert command_on(DEFAULT_DATA_DIR, "status") == "ledgerlink status"
    assert command_on(Path("my data"), "status") == "ledgerlink status --data-dir 'my data'"
