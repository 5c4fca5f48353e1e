"""What containers run and are told is what the product has: commands, ports, paths, images, metrics."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from aws_cdk.assertions import Match

from deploy.aws.outputs import RELEASE
from deploy.aws.processes import NODES, PORT, PROCESSES, PROVISIONER, SERVICES
from deploy.aws.run_job import failure, output_key
from deploy.aws.task import READY
from deploy.aws.tests.conftest import Templates, containers
from deploy.aws.watched import WATCHED
from ops.cli import app
from ops.commands.run import PROCESSES as RUN
from outbox.migrate import MigrationSettings

ROOT = Path(__file__).parents[3]
OURS = ROOT / "deploy" / "Dockerfile"


def ours(templates: Templates) -> dict[str, list[str]]:
    """The commands of the containers of our own image, by the containers' names."""
    return {
        container["Name"]: container["Command"]
        for template in (templates.broker, templates.jobs, templates.services)
        for _, container in containers(template)
        if container.get("Command") and container["Name"] != "nats"
    }


def test_every_command_is_one_of_ledgerlinks(prod: Templates) -> None:
    found = ours(prod)
    assert found == (
        {process: ["run", process] for process in PROCESSES}
        | {f"{service}-migrate": ["migrate", service] for service in SERVICES}
        | {PROVISIONER: ["provision", "--watch"], "configuration": ["broker-node", "/run/ledgerlink"]}
    )
    for command in (*found.values(), ["provision"]):
        accepted(command)
    with pytest.raises(Exception, match="No such option"):
        accepted(["provision", "--forever"])


def accepted(command: list[str]) -> None:
    """Let the command line parse a command, and do nothing."""
    group: Any = typer.main.get_command(app)
    name, *arguments = command
    group.commands[name].make_context(name, arguments)


def test_migrations_are_told_where_by_the_name_that_they_read(prod: Templates) -> None:
    (field,) = MigrationSettings.model_fields
    told = {v["Name"] for _, c in containers(prod.jobs) for v in c.get("Environment", [])}
    assert {f"{service}_{field}".upper() for service in SERVICES} <= told


def test_every_process_runs_here_but_the_stand_in_for_a_processor() -> None:
    assert set(PROCESSES) == {*RUN} - {"sandbox_processor"}


def test_ports_and_paths_are_those_of_the_image(prod: Templates) -> None:
    text = OURS.read_text()
    assert f"EXPOSE {PORT}\n" in text
    assert f'["python", "-c", "{READY}"]' in text
    for process in PROCESSES:
        (container,) = [c for _, c in containers(prod.services) if c["Name"] == process]
        assert container["PortMappings"] == [{"ContainerPort": PORT, "Protocol": "tcp"}]
        told = {v["Name"]: v["Value"] for v in container["Environment"]}
        assert told[f"{process.upper()}_HTTP_PORT"] == str(PORT)
        assert container["HealthCheck"]["Command"] == ["CMD", "python", "-c", READY]
    prod.services.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::TargetGroup", {"Port": PORT, "HealthCheckPath": "/readyz"}
    )


def test_images_are_built_from_what_is_there_and_run_as_nobody_in_particular(prod: Templates) -> None:
    for name in ("ledgerlink", "databases", "nats"):
        directory = ROOT / "deploy" / "aws" / "images" / name
        text = (directory / "Dockerfile").read_text()
        for source in re.findall(r"^COPY (?:--\S+ )*(\S+) ", text, re.MULTILINE):
            assert any((place / source).exists() for place in (directory, ROOT)), source
        assert name == "nats" or re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] == "10001:10001"
    for template in (prod.broker, prod.jobs, prod.services):
        for family, container in containers(template):
            if container["Name"] == "collector":
                continue
            assert container["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"], family
            assert "ledgerlink" in json.dumps(container["Image"]), family


def test_streams_are_kept_on_every_node(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        told = [
            {v["Name"]: v["Value"] for v in container["Environment"]}["PROVISIONER_REPLICAS"]
            for template in (templates.jobs, templates.services)
            for _, container in containers(template)
            if container["Name"] == PROVISIONER
        ]
        assert told == [str(len(NODES))] * 2 == ["3", "3"]


def test_what_is_watched_is_measured_and_alerted_about_elsewhere_too() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    alerts = {rule["alert"]: rule["expr"] for group in rules for rule in group["rules"]}
    for watched in WATCHED:
        expression = alerts[watched.alert]
        assert watched.metric in expression
        assert expression.endswith(f"{'<' if watched.below else '>'} {watched.threshold}"), watched.alert
        if watched.label:
            name, value = watched.label
            assert f'{name}="{value}"' in expression


def test_a_collector_scrapes_its_process_and_sends_what_is_watched(prod: Templates) -> None:
    for process in PROCESSES:
        (family,) = [f for f, c in containers(prod.services) if c["Name"] == process]
        (collector,) = [c for f, c in containers(prod.services) if f == family and c["Name"] == "collector"]
        (variable,) = collector["Environment"]
        described = json.loads(_joined(variable["Value"]))
        (scraped,) = described["receivers"]["prometheus"]["config"]["scrape_configs"]
        assert scraped["static_configs"] == [{"targets": [f"127.0.0.1:{PORT}"], "labels": {"process": process}}]
        declared = described["exporters"]["awsemf"]["metric_declarations"]
        names = {selector.strip("^$") for one in declared for selector in one["metric_name_selectors"]}
        assert names == {watched.metric for watched in WATCHED if process in watched.processes}
        used = {part for line in described["service"]["pipelines"].values() for part in line["processors"]}
        assert used == described["processors"].keys()
        assert collector["Essential"] is False


def _joined(value: Any) -> str:
    """A text that CloudFormation completes with what it imports."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "imported" for part in value["Fn::Join"][1])


def test_nothing_secret_is_told_in_the_open(prod: Templates) -> None:
    for template in (prod.services, prod.jobs, prod.broker):
        for _, container in containers(template):
            for variable in container.get("Environment", []):
                assert not variable["Name"].endswith(("PASSWORD", "SEED", "KEY", "TOKEN", "PROCESSORS"))
                assert "resolve:secretsmanager" not in json.dumps(variable["Value"]), variable["Name"]
                assert not re.search(r"//[^/]*:[^/]*@", json.dumps(variable["Value"])), variable["Name"]
    names = {secret["Name"] for _, c in containers(prod.services) for secret in c.get("Secrets", [])}
    assert {"PGPASSWORD", "REDIS_PASSWORD", "WALLET_SEAL_KEY", "NATS_AUTHORITY"} <= names


def test_every_container_has_a_file_system_that_it_cannot_write_and_a_log(prod: Templates) -> None:
    for template in (prod.services, prod.jobs, prod.broker):
        for _, container in containers(template):
            assert container["ReadonlyRootFilesystem"] is True, container["Name"]
            assert not container.get("Privileged", False)
            assert container["LogConfiguration"]["LogDriver"] == "awslogs"


def test_every_task_has_its_size(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        for process, size in templates.environment.processes.items():
            templates.services.has_resource_properties(
                "AWS::ECS::TaskDefinition",
                {
                    "Cpu": str(size.cpu),
                    "Memory": str(size.memory),
                    "RequiresCompatibilities": ["FARGATE"],
                    "ContainerDefinitions": Match.array_with([Match.object_like({"Name": process})]),
                },
            )


def test_every_job_of_a_deployment_can_be_found_and_started(prod: Templates) -> None:
    told = prod.jobs.find_outputs("*")
    for job in (*(f"{s}-{what}" for s in SERVICES for what in ("databases", "migrate")), "provision"):
        assert output_key(job, "definition") in told
        network = json.dumps(told[output_key(job, "network")]["Value"])
        assert "subnets=[" in network
        assert "securityGroups=[" in network
    assert prod.services.find_outputs(RELEASE)[RELEASE]["Value"] == prod.environment.image_tag


def test_a_job_has_ended_well_when_all_its_containers_have() -> None:
    well: dict[str, Any] = {"name": "wallet-migrate", "exitCode": 0}
    assert failure({"containers": [well]}) is None
    ended = failure({"containers": [well, {"name": "other", "exitCode": 1}], "stoppedReason": "Essential container"})
    assert ended == "other ended with 1: Essential container"
    never_began = failure({"containers": [{"name": "wallet-migrate", "reason": "CannotPullContainerError"}]})
    assert never_began == "wallet-migrate ended with no code: CannotPullContainerError"
