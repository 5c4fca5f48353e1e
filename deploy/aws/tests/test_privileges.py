"""What roles may do: named actions on named resources, but for what AWS knows no resource of."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.aws.processes import PROCESSES, PROVISIONER, SERVICES
from deploy.aws.tests.conftest import Templates

WITHIN_AN_ACTION = {"kms:GenerateDataKey*", "kms:ReEncrypt*"}
"""CDK's own grants of a key: one action under several names."""
WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "ecs:DiscoverPollEndpoint",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""AWS defines no resource that they could be restricted to (Service Authorization Reference)."""
CONDITIONED = {"ecs:Poll", "ecs:StartTelemetrySession"}
"""On any resource, but of one cluster alone, which a condition names."""


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement of the policies of roles, with its policy's name."""
    for kind, document in (("AWS::IAM::Policy", "PolicyDocument"), ("AWS::IAM::ManagedPolicy", "PolicyDocument")):
        for name, policy in templates.resources(kind).items():
            for statement in policy["Properties"][document]["Statement"]:
                yield name, statement
    for name, role in templates.resources("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def test_no_role_may_do_whatever_there_is(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        found = list(statements(templates))
        assert len(found) > 50
        for policy, statement in found:
            assert "NotAction" not in statement, policy
            wild = {action for action in listed(statement["Action"]) if "*" in action}
            assert wild <= WITHIN_AN_ACTION, policy


def test_resources_are_named_where_aws_has_any(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        for policy, statement in statements(templates):
            if statement["Effect"] == "Allow" and "*" in listed(statement["Resource"]):
                actions = set(listed(statement["Action"]))
                assert actions <= WITHOUT_RESOURCE or (actions <= CONDITIONED and statement["Condition"]), policy


def test_managed_policies_are_those_that_a_service_asks_for(prod: Templates) -> None:
    attached = json.dumps([r["Properties"].get("ManagedPolicyArns") for r in prod.resources("AWS::IAM::Role").values()])
    names = set(re.findall(r"policy/[\w/-]+", attached))
    assert names == {
        "policy/service-role/AmazonRDSEnhancedMonitoringRole",
        "policy/service-role/AWSBackupServiceRolePolicyForBackup",
    }


def of_role(templates: Templates, role: str) -> list[dict[str, Any]]:
    """What the policies of the role of the services' stack whose id begins so allow."""
    return [
        statement
        for policy in templates.services.find_resources("AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"][0].get("Ref", "").startswith(role)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_a_service_is_told_its_own_secrets_and_no_others(prod: Templates) -> None:
    for service in SERVICES:
        own = of_role(prod, f"{service}taskExecutionRole")
        told = json.dumps([s for s in own if "secretsmanager" in json.dumps(s)])
        assert f"{service}database{service}login" in told.replace("-", "")
        for other in {*SERVICES} - {service}:
            assert f"Settings{other}" not in told
            assert f"{other}database" not in told
        assert f"{service}owner" not in told, "a service knows the password of its database's owner"


def test_what_runs_may_trace_and_log_and_nothing_else(prod: Templates) -> None:
    for process in (*PROCESSES, PROVISIONER):
        actions = {action for s in of_role(prod, f"{process}taskTaskRole") for action in listed(s["Action"])}
        assert {action.split(":")[0] for action in actions} <= {"xray", "logs"}, process


def test_a_machine_attaches_its_own_disk_to_its_own_machine(prod: Templates) -> None:
    attaching = [s for _, s in statements(prod) if "ec2:AttachVolume" in listed(s["Action"])]
    tags = sorted(s["Condition"]["StringEquals"]["aws:ResourceTag/ledgerlink:node"] for s in attaching)
    assert tags == ["nats-1", "nats-2", "nats-3"]
    disks = prod.state.find_resources("AWS::EC2::Volume").values()
    groups = prod.broker.find_resources("AWS::AutoScaling::AutoScalingGroup").values()
    assert sorted(_node(disk) for disk in disks) == tags
    assert sorted(_node(group) for group in groups) == tags
    assert all(t.get("PropagateAtLaunch") for group in groups for t in group["Properties"]["Tags"])


def _node(resource: Mapping[str, Any]) -> str:
    return next(str(t["Value"]) for t in resource["Properties"]["Tags"] if t["Key"] == "ledgerlink:node")


def test_deployments_start_jobs_of_ours_and_in_our_cluster(prod: Templates) -> None:
    (running,) = [s for _, s in statements(prod) if "ecs:RunTask" in listed(s["Action"])]
    assert "cluster/ledgerlink-prod" in json.dumps(running["Condition"]["ArnEquals"]["ecs:cluster"])
    pattern = re.search(r"task-definition/(\w+)\*", json.dumps(running["Resource"]))
    assert pattern is not None
    tasks = prod.jobs.find_resources("AWS::ECS::TaskDefinition").values()
    assert len(tasks) == 2 * len(SERVICES) + 1
    assert all(task["Properties"]["Family"].startswith(pattern[1]) for task in tasks)
