"""docs/runbooks: one for every alert, and what they tell to ask is something that can be asked."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from markdown_it import MarkdownIt

from contracts.topology import SERVICES
from tests.built_services import built_service
from tests.fresh_databases import FreshDatabaseFactory
from tests.test_alerts import alerts, needs_promtool, promtool

ROOT = Path(__file__).parents[1]
RUNBOOKS = ROOT / "docs" / "runbooks"
CATALOGUE = RUNBOOKS / "README.md"
FILES = sorted(path for path in RUNBOOKS.glob("*.md") if path != CATALOGUE)


def fenced(path: Path, language: str) -> list[str]:
    return [token.content for token in MarkdownIt().parse(path.read_text()) if token.info.strip() == language]


def named_alerts(path: Path) -> set[str]:
    """Return the alerts that a runbook begins with, before its first part."""
    return set(re.findall(r"`([A-Z]\w+)`", path.read_text().split("**")[0]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_runbook_is_about_the_alerts_that_lead_to_it(path: Path) -> None:
    leading = {a["alert"] for a in alerts() if ROOT / a["annotations"]["runbook"] == path}
    assert named_alerts(path) & {a["alert"] for a in alerts()} == leading
    (row,) = re.findall(rf"^\| \[{path.stem}\]\({path.name}\) \| (.*)\|$", CATALOGUE.read_text(), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == leading


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_leads_to_a_runbook(alert: dict[str, Any]) -> None:
    assert ROOT / alert["annotations"]["runbook"] in FILES


@needs_promtool
def test_prometheus_understands_every_question(tmp_path: Path) -> None:
    questions = [line for path in FILES for text in fenced(path, "promql") for line in text.splitlines()]
    rules = [{"record": f"question:{number}", "expr": question} for number, question in enumerate(questions)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "questions", "rules": rules}]}))
    checked = promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert len(questions) >= 20


def defined_metrics() -> set[str]:
    """Return the names of the metrics that our code defines, and of Prometheus's recording rules."""
    code = (p.read_text() for room in ("apps", "gateway", "outbox") for p in (ROOT / room).rglob("*.py"))
    rules = (ROOT / "deploy" / "prometheus" / "recording.yml").read_text()
    return {name for text in code for name in re.findall(r'"(ledgerlink_\w+)"', text)} | set(
        re.findall(r"record: (\S+)", rules)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_metric_exists(path: Path) -> None:
    named = {
        re.sub("_(bucket|sum|count)$", "", name)
        for name in re.findall(r"\b(?:\w+:)?ledgerlink_\w+(?::\w+)?", path.read_text())
    }
    assert named <= defined_metrics() | {"ledgerlink_secrets"}


async def test_every_statement_fits_a_service_s_tables(fresh_database: FreshDatabaseFactory) -> None:
    statements = {(path.stem, text) for path in FILES for text in fenced(path, "sql")}
    assert len(statements) >= 6
    fitting: set[tuple[str, str]] = set()
    for service in SERVICES:
        connection = await asyncpg.connect((await fresh_database(service)).owner_url)
        try:
            fitting |= {one for one in statements if await _is_understood(connection, one[1])}
        finally:
            await connection.close()
    assert fitting == statements


async def _is_understood(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> bool:
    try:
        await connection.prepare(statement)
    except asyncpg.PostgresError:
        return False
    return True


@pytest.mark.parametrize("service", SERVICES)
def test_every_job_is_told(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = built_service(service, tmp_path, monkeypatch)
    jobs = {getattr(job, "func", job).__name__ for _, job in built._jobs} | built._workers.keys()
    told = (RUNBOOKS / "job-fails.md").read_text()
    assert {name for name in jobs if f"`{name}`" not in told and not name.startswith("forget")} == set()
