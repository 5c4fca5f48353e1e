"""What watches the containers finds them: names, networks and files of the configurations agree with compose.yaml."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from contracts.topology import OPERATOR, SERVICES, inbox_prefix
from deploy.grafana.panels import DATA_SOURCE

ROOT = Path(__file__).parents[1]
GRAFANA = ROOT / "deploy" / "grafana" / "provisioning"
WATCHED = (*SERVICES, "gateway")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


CONTAINERS: dict[str, dict[str, Any]] = read(ROOT / "compose.yaml")["services"]
WATCHING = [name for name, container in CONTAINERS.items() if container.get("profiles") == ["observability"]]


def together(one: str, other: str) -> bool:
    """Tell whether two containers are on a network together."""
    return bool(set(CONTAINERS[one]["networks"]) & set(CONTAINERS[other]["networks"]))


def test_the_profile_has_all_that_watches() -> None:
    assert set(WATCHING) == {"otel-collector", "jaeger", "prometheus", "grafana"}


def test_prometheus_scrapes_every_process_where_it_listens() -> None:
    jobs = read(ROOT / "deploy" / "prometheus" / "prometheus.yml")["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    assert targets == {
        name: [f"{name}:{CONTAINERS[name]['environment'][_variable(name, 'HTTP_PORT')]}"] for name in WATCHED
    }
    assert all(together("prometheus", name) for name in WATCHED)


def test_prometheus_keeps_what_it_has_scraped_on_its_volume() -> None:
    kept = [volume.split(":")[1] for volume in CONTAINERS["prometheus"]["volumes"] if volume.startswith("prometheus:")]
    assert [f"--storage.tsdb.path={path}" for path in kept] == [
        option for option in CONTAINERS["prometheus"]["command"] if option.startswith("--storage.tsdb.path=")
    ]


def test_grafana_reads_what_is_there() -> None:
    sources = read(GRAFANA / "datasources" / "datasources.yaml")["datasources"]
    for source in sources:
        container = urlsplit(source["url"]).hostname
        assert container in WATCHING
        assert together("grafana", container)
    assert DATA_SOURCE in [{"type": source["type"], "uid": source["uid"]} for source in sources]
    (provider,) = read(GRAFANA / "dashboards" / "dashboards.yaml")["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in CONTAINERS["grafana"]["volumes"]


def test_spans_reach_jaeger() -> None:
    configuration = read(ROOT / "deploy" / "otel-collector" / "config.yaml")
    jaeger, _ = configuration["exporters"]["otlp"]["endpoint"].split(":")
    assert together("otel-collector", jaeger)
    for name in WATCHED:
        assert together(name, "otel-collector")
        assert CONTAINERS[name]["environment"][_variable(name, "OTLP_ENDPOINT")] == "${LEDGERLINK_OTLP_ENDPOINT:-}"


@pytest.mark.parametrize("name", [*WATCHING, "nats-box"])
def test_what_watches_may_do_little_and_is_seen_on_this_machine_only(name: str) -> None:
    container = CONTAINERS[name]
    assert (container["read_only"], container["cap_drop"]) == (True, ["ALL"])
    assert all(port.startswith("${LEDGERLINK_ADDRESS:-127.0.0.1}:") for port in container.get("ports", []))
    mounted = [volume.split(":")[0] for volume in container.get("volumes", []) if volume.startswith("./")]
    assert all((ROOT / path).exists() for path in mounted)
    assert ":" in container["image"], "a version, and never the newest"


def test_the_client_of_nats_is_the_operators() -> None:
    assert f"--inbox-prefix={inbox_prefix(OPERATOR)}" in CONTAINERS["nats-box"]["entrypoint"]


def _variable(process: str, name: str) -> str:
    return f"{process.upper()}_{name}"
