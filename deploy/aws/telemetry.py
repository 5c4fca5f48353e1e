"""The OpenTelemetry collector beside each process: metrics to CloudWatch as EMF, spans to X-Ray."""

import json
from typing import Any

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.processes import PORT
from deploy.aws.watched import WATCHED, Watched, namespace

IMAGE = "public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0"
CPU, MEMORY = 128, 256
"""What it takes of its task."""


def add_collector(
    task: ecs.TaskDefinition, process: str, environment: Environment, group: logs.ILogGroup, metrics: logs.ILogGroup
) -> None:
    """Add the collector to a task; when it dies, the process goes on without it."""
    task.add_container(
        "collector",
        image=ecs.ContainerImage.from_registry(IMAGE),
        essential=False,
        cpu=CPU,
        memory_limit_mib=MEMORY,
        readonly_root_filesystem=True,
        environment={"AOT_CONFIG_CONTENT": configuration(process, environment, metrics.log_group_name)},
        logging=ecs.LogDriver.aws_logs(stream_prefix="collector", log_group=group),
    )
    metrics.grant_write(task.task_role)
    task.add_to_task_role_policy(
        iam.PolicyStatement(actions=["logs:DescribeLogStreams"], resources=[metrics.log_group_arn])
    )
    task.add_to_task_role_policy(
        iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])
    )
    reason = (
        "X-Ray knows no resources to write to, and the streams of the metrics' log group are made by the collector."
    )
    accept(task.task_role, reason, "AwsSolutions-IAM5[Resource::*]")


def configuration(process: str, environment: Environment, log_group_name: str) -> str:
    """Return the collector's configuration, as JSON, which YAML contains."""
    described: dict[str, Any] = {
        "receivers": {"prometheus": {"config": _scraping(process)}, "otlp": {"protocols": {"http": _LOOPBACK}}},
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_mib": 160, "spike_limit_mib": 40},
            # Which task this is: the log stream's name, and part of each trace.
            "resourcedetection": {"detectors": ["ecs"], "timeout": "5s", "override": False},
            "batch": {"timeout": "5s", "send_batch_size": 512, "send_batch_max_size": 2048},
        },
        "exporters": {
            "awsemf": {
                "namespace": namespace(environment),
                "log_group_name": log_group_name,
                "log_stream_name": "{TaskId}",
                "dimension_rollup_option": "NoDimensionRollup",
                "metric_declarations": [_declared(watched) for watched in WATCHED if process in watched.processes],
            },
            "awsxray": {},
        },
        "service": {
            "pipelines": {
                "metrics": {"receivers": ["prometheus"], "processors": _PROCESSORS, "exporters": ["awsemf"]},
                "traces": {"receivers": ["otlp"], "processors": _PROCESSORS, "exporters": ["awsxray"]},
            }
        },
    }
    return json.dumps(described)


def _declared(watched: Watched) -> dict[str, Any]:
    """Return what makes a metric of CloudWatch of one of ours, by process alone."""
    declared = {"dimensions": [["process"]], "metric_name_selectors": [f"^{watched.metric}$"]}
    if watched.label is None:
        return declared
    name, value = watched.label
    return declared | {"label_matchers": [{"label_names": [name], "regex": f"^{value}$"}]}


_LOOPBACK = {"endpoint": "127.0.0.1:4318"}
_PROCESSORS = ["memory_limiter", "resourcedetection", "batch"]


def _scraping(process: str) -> dict[str, Any]:
    """Return how the process beside it is scraped; what nobody watches is dropped before it costs anything."""
    kept = "|".join(watched.metric for watched in WATCHED if process in watched.processes)
    return {
        "global": {"scrape_interval": "30s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {
                "job_name": process,
                "static_configs": [{"targets": [f"127.0.0.1:{PORT}"], "labels": {"process": process}}],
                "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": kept, "action": "keep"}],
            }
        ],
    }
