"""Prometheus's rules: its own checker reads them, makes each alert fire, and finds what to do about it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROMETHEUS = ROOT / "deploy" / "prometheus"
PROMTOOL = shutil.which("promtool") or ""
SECONDS = 60
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="Prometheus's own checker is not installed")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PROMTOOL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603


@needs_promtool
def test_prometheus_takes_its_configuration_and_rules() -> None:
    checked = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_alerts_fire_when_they_should() -> None:
    tested = promtool("test", "rules", *map(str, sorted((PROMETHEUS / "tests").glob("*.test.yml"))))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_made_to_fire_once() -> None:
    tested = [yaml.safe_load(path.read_text()) for path in (PROMETHEUS / "tests").glob("*.test.yml")]
    fired = {
        rule["alertname"]
        for file in tested
        for t in file["tests"]
        for rule in t["alert_rule_test"]
        if rule["exp_alerts"]
    }
    assert fired == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_how_urgent_it_is_and_what_it_is_about(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"].keys() == {"summary", "runbook"}
    assert (ROOT / alert["annotations"]["runbook"]).is_file()
