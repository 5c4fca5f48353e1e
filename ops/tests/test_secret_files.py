"""`ledgerlink secrets`: a container gets what it reads, nothing of others, and the same again."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from apps.wallet.settings import WalletSettings
from gateway.settings import GatewaySettings
from ops.cli import app
from ops.secret_files import KEPT, secret_files, write_secret_files
from ops.stack.postgres import TEXT
from ops.stack.secrets import Secrets
from outbox.migrate import migration_url
from outbox.settings import SECRETS_DIRECTORY, InvalidSettingsError

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "compose.yaml").read_text())


WATCHING = {"otel-collector", "jaeger", "prometheus", "grafana"}
"""Containers that read what all others show, and are given no secret."""


def test_processes_read_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = CliRunner().invoke(app, ["secrets", str(tmp_path)])
    assert answer.exit_code == 0
    assert "postgres-wallet" in answer.output
    monkeypatch.setenv(SECRETS_DIRECTORY, str(tmp_path / "wallet"))
    monkeypatch.setenv("WALLET_HTTP_PORT", "8080")
    kept = Secrets.model_validate_json((tmp_path / KEPT / "secrets.json").read_text())
    assert WalletSettings().nats_seed == kept.nats_seeds["wallet"]
    assert WalletSettings().database_url.get_secret_value().endswith("@postgres-wallet:5432/wallet")
    with pytest.raises(InvalidSettingsError, match="GATEWAY_NATS_SEED is not set"):
        GatewaySettings()
    monkeypatch.setenv(SECRETS_DIRECTORY, str(tmp_path / "migrate"))
    assert migration_url("risk").startswith("postgresql://risk_owner:")


def test_the_environment_goes_before_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_secret_files(tmp_path)
    monkeypatch.setenv(SECRETS_DIRECTORY, str(tmp_path / "migrate"))
    monkeypatch.setenv("RISK_MIGRATION_DATABASE_URL", "postgresql://elsewhere/risk")
    assert migration_url("risk") == "postgresql://elsewhere/risk"


def test_secrets_are_kept(tmp_path: Path) -> None:
    write_secret_files(tmp_path)
    before = (tmp_path / "wallet" / "WALLET_SEAL_KEY").read_text()
    write_secret_files(tmp_path)
    assert (tmp_path / "wallet" / "WALLET_SEAL_KEY").read_text() == before


def test_nobody_sees_what_is_another_ones() -> None:
    holders: dict[str, set[str]] = defaultdict(set)
    everyone = secret_files(Secrets().complete())
    del everyone["demo"]  # which acts as operator, and reads what it has led to
    del everyone["operator"]  # which looks into everything
    for container, files in everyone.items():
        for text in files.values():
            for secret in re.findall(r"[\w+/=-]{32,}", text):
                holders[secret].add(container)
    assert len(holders) > 20
    pairs = {frozenset(found) for found in holders.values() if len(found) > 1}
    databases = {frozenset({s, f"postgres-{s}"}) for s in ("identity", "wallet", "payments", "risk")}
    owners = {frozenset({"migrate", f"postgres-{s}"}) for s in ("identity", "wallet", "payments", "risk")}
    assert pairs == databases | owners | {frozenset({"gateway", "redis"}), frozenset({"payments", "sandbox-processor"})}


def test_compose_mounts_to_each_container_its_own() -> None:
    containers = set(secret_files(Secrets().complete()))
    assert {v for v in COMPOSE["volumes"] if v.startswith("secrets-")} == {f"secrets-{name}" for name in containers}
    written = {f"secrets-{name}:/secrets/{name}" for name in containers} | {f"secrets:/secrets/{KEPT}"}
    assert set(COMPOSE["services"]["secrets"]["volumes"]) == written
    for name, service in COMPOSE["services"].items():
        if name != "secrets":
            mounted = [volume for volume in service.get("volumes", ()) if volume.startswith("secrets")]
            own = {"provision": "provisioner", "nats-box": "operator"}.get(name, name)
            assert mounted == ([] if name in WATCHING else [f"secrets-{own}:/run/ledgerlink:ro"]), name


def test_databases_in_containers_sort_text_as_ours_do() -> None:
    for service in ("identity", "wallet", "payments", "risk"):
        environment = COMPOSE["services"][f"postgres-{service}"]["environment"]
        assert environment["POSTGRES_INITDB_ARGS"].split() == list(TEXT)
