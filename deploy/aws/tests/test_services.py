import json
from typing import Any

from aws_cdk.assertions import Match

from deploy.aws.delivery import ISSUER
from deploy.aws.environments import load
from deploy.aws.processes import NODES, PROCESSES, PROVISIONER, SERVICES
from deploy.aws.tests.conftest import Templates


def tasks(template: Any) -> dict[str, dict[str, Any]]:
    """Task definitions by the name of the container that is ours."""
    found = template.find_resources("AWS::ECS::TaskDefinition").values()
    return {task["Properties"]["ContainerDefinitions"][0]["Name"]: task["Properties"] for task in found}


def statements(template: Any, role: str) -> list[dict[str, Any]]:
    """What the policies of the role whose id begins so allow."""
    return [
        statement
        for policy in template.find_resources("AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"][0].get("Ref", "").startswith(role)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_every_task_has_its_size_and_a_file_system_that_it_cannot_write(prod: Templates) -> None:
    found = tasks(prod.services)
    assert found.keys() == {*PROCESSES, PROVISIONER}
    sizes = load("prod").processes
    for process in PROCESSES:
        assert (found[process]["Cpu"], found[process]["Memory"]) == (
            str(sizes[process].cpu),
            str(sizes[process].memory),
        )
    for template in (prod.services, prod.jobs, prod.broker):
        for task in template.find_resources("AWS::ECS::TaskDefinition").values():
            for container in task["Properties"]["ContainerDefinitions"]:
                assert container["ReadonlyRootFilesystem"] is True, container["Name"]
                assert not container.get("Privileged", False)


def test_no_setting_that_is_secret_is_in_a_task_definition(prod: Templates) -> None:
    for template in (prod.services, prod.jobs, prod.broker):
        for task in template.find_resources("AWS::ECS::TaskDefinition").values():
            for container in task["Properties"]["ContainerDefinitions"]:
                for variable in container.get("Environment", []):
                    assert not variable["Name"].endswith(("PASSWORD", "SEED", "KEY", "TOKEN")), variable["Name"]
                    assert "resolve:secretsmanager" not in json.dumps(variable["Value"]), variable["Name"]


def test_a_service_is_told_its_own_secrets_and_no_others(prod: Templates) -> None:
    for service in SERVICES:
        allowed = [
            s for s in statements(prod.services, f"{service}taskExecutionRole") if "secretsmanager" in json.dumps(s)
        ]
        told = json.dumps(allowed)
        assert f"{service}database{service}login" in told.replace("-", "")
        for other in {*SERVICES} - {service}:
            assert f"Settings{other}" not in told
            assert f"{other}database" not in told
        assert f"{service}owner" not in told, "a service knows the password of its database's owner"


def test_what_runs_may_trace_and_log_and_nothing_else(prod: Templates) -> None:
    for process in PROCESSES:
        actions = {
            action
            for statement in statements(prod.services, f"{process}taskTaskRole")
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        assert {action.split(":")[0] for action in actions} <= {"xray", "logs"}, process


def test_deployments_that_fail_are_rolled_back(prod: Templates) -> None:
    circuit = {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
    prod.services.all_resources_properties("AWS::ECS::Service", {"DeploymentConfiguration": Match.object_like(circuit)})
    prod.services.has_resource_properties(
        "AWS::ECS::Service",
        {
            "ServiceName": "payments",
            "DesiredCount": 3,
            "DeploymentConfiguration": Match.object_like({"MinimumHealthyPercent": 100, "MaximumPercent": 200}),
            "NetworkConfiguration": {"AwsvpcConfiguration": Match.object_like({"AssignPublicIp": "DISABLED"})},
        },
    )


def test_services_grow_with_cpu_and_with_what_waits_for_them(prod: Templates) -> None:
    policies = prod.services.find_resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    kinds = [policy["Properties"]["PolicyType"] for policy in policies]
    assert kinds.count("TargetTrackingScaling") == len(PROCESSES)
    stepping = [policy for policy in policies if policy["Properties"]["PolicyType"] == "StepScaling"]
    lagging = prod.services.find_resources(
        "AWS::CloudWatch::Alarm", {"Properties": {"MetricName": "ledgerlink_consumer_lag_messages"}}
    )
    assert len(stepping) == len(SERVICES)
    for service in SERVICES:
        assert any(f"{service}service" in name and "Upper" in name for name in lagging), sorted(lagging)


def test_three_nodes_are_in_three_zones_and_changed_one_by_one(prod: Templates) -> None:
    services = prod.broker.find_resources("AWS::ECS::Service")
    assert len(services) == len(NODES)
    dependencies = [{d for d in service.get("DependsOn", []) if d in services} for service in services.values()]
    assert sorted(len(found) for found in dependencies) == [0, 1, 2], "two nodes may be changed at once"
    prod.broker.all_resources_properties(
        "AWS::ECS::Service",
        {
            "DeploymentConfiguration": Match.object_like({"MaximumPercent": 100, "MinimumHealthyPercent": 0}),
            "ServiceRegistries": [Match.any_value()],
        },
    )
    prod.broker.resource_count_is("AWS::ServiceDiscovery::Service", 3)
    groups = prod.broker.find_resources("AWS::AutoScaling::AutoScalingGroup").values()
    assert [(g["Properties"]["MaxSize"], len(g["Properties"]["VPCZoneIdentifier"])) for g in groups] == [("1", 1)] * 3


def test_machines_demand_tokens_for_their_metadata(prod: Templates) -> None:
    templates = prod.broker.find_resources("AWS::EC2::LaunchTemplate").values()
    assert templates
    for template in templates:
        data = template["Properties"]["LaunchTemplateData"]
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True


def test_clients_speak_tls_and_are_filtered(prod: Templates) -> None:
    prod.services.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::Listener",
        {"Port": 443, "Protocol": "HTTPS", "SslPolicy": Match.string_like_regexp("TLS13")},
    )
    prod.services.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::Listener",
        {"Port": 80, "DefaultActions": [Match.object_like({"Type": "redirect"})]},
    )
    prod.services.resource_count_is("AWS::WAFv2::WebACLAssociation", 1)
    (acl,) = prod.services.find_resources("AWS::WAFv2::WebACL").values()
    names = [rule["Name"] for rule in acl["Properties"]["Rules"]]
    assert names[0] == "rate"
    assert "AWSManagedRulesCommonRuleSet" in names


def test_every_log_is_forgotten_in_time(prod: Templates) -> None:
    for template in (prod.network, prod.broker, prod.jobs, prod.services):
        for name, group in template.find_resources("AWS::Logs::LogGroup").items():
            assert group["Properties"].get("RetentionInDays"), name


def test_every_alarm_tells_somebody(prod: Templates) -> None:
    alarms = prod.services.find_resources("AWS::CloudWatch::Alarm")
    assert all(alarm["Properties"].get("AlarmActions") for alarm in alarms.values())
    named = {
        str(alarm["Properties"].get("AlarmName", "")).removeprefix("ledgerlink-prod-") for alarm in alarms.values()
    }
    for service in SERVICES:
        assert {f"{service}-consumer-behind", f"{service}-outbox-stuck", f"{service}-down"} <= named
    prod.services.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": Match.any_value()})


def test_only_workflows_of_ours_may_deploy_and_only_here(prod: Templates) -> None:
    prod.delivery.has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Action": "sts:AssumeRoleWithWebIdentity",
                            "Condition": {
                                "StringEquals": {
                                    f"{ISSUER}:aud": "sts.amazonaws.com",
                                    f"{ISSUER}:sub": "repo:ledgerlink/ledgerlink:environment:prod",
                                }
                            },
                        }
                    )
                ],
                "Version": "2012-10-17",
            }
        },
    )
