"""What the stack tells the sandbox processor and payments of each other fits together."""

from pathlib import Path

import pytest

from apps.payments.settings import PaymentsSettings
from apps.sandbox_processor.settings import SandboxProcessorSettings
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import remembered_ports
from ops.stack.stack import PORTS


@pytest.fixture
def parts(data_dir: Path) -> Parts:
    layout = Layout.at(data_dir)
    layout.create()
    return Parts.of(layout, remembered_ports(layout.ports, PORTS, {}))


def _set(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_payments_are_a_client_of_the_sandbox_processor(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, parts.environments.service("payments") | parts.environments.sandbox_processor())
    sandbox, payments = SandboxProcessorSettings(), PaymentsSettings()
    assert [processor.name for processor in payments.processors] == ["sandbox", "sandbox_backup"]
    assert list(payments.routes[0].processors) == ["sandbox", "sandbox_backup"]
    for processor in payments.processors:
        account = sandbox.accounts[processor.name]
        assert processor.url == sandbox.base_url(processor.name)
        assert (processor.api_key, processor.webhook_secret) == (account.api_key, account.webhook_secret)
        assert processor.timeout_seconds < sandbox.late_seconds < sandbox.hang_seconds
    assert sandbox.webhook_url == f"http://127.0.0.1:{parts.ports['gateway']}/v1/webhooks/{{account}}"
    assert payments.webhooks_to_private_addresses


def test_only_those_two_know_their_secrets(parts: Parts) -> None:
    secret = parts.secrets.processor_accounts["sandbox"].api_key.get_secret_value()
    environments = parts.environments
    for name in ("identity", "wallet", "risk"):
        assert secret not in "".join(environments.service(name).values())
    assert secret not in "".join(environments.gateway().values())
    assert not [name for name in environments.sandbox_processor() if name.startswith(("PAYMENTS_", "GATEWAY_"))]


def test_secrets_are_generated_once(parts: Parts, data_dir: Path) -> None:
    layout = Layout.at(data_dir)
    again = Parts.of(layout, parts.ports).secrets
    assert again == parts.secrets
    accounts = list(again.processor_accounts.values())
    assert accounts[0].api_key != accounts[1].api_key
    assert accounts[0].webhook_secret != accounts[1].webhook_secret
