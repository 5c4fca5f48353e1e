import json
from collections.abc import Mapping

from aws_cdk.assertions import Match

from deploy.aws.delivery import ISSUER
from deploy.aws.processes import NODES, PROCESSES, SERVICES
from deploy.aws.tests.conftest import Templates
from deploy.aws.watched import LAG, WATCHED
from gateway.probes import PROBES


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


def test_services_grow_with_cpu_and_with_what_waits_for_them(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        policies = templates.services.find_resources("AWS::ApplicationAutoScaling::ScalingPolicy")
        kinds = [policy["Properties"]["PolicyType"] for policy in policies.values()]
        assert kinds.count("TargetTrackingScaling") == len(PROCESSES)
        lagging = templates.services.find_resources(
            "AWS::CloudWatch::Alarm", {"Properties": {"MetricName": LAG, "AlarmActions": [{"Ref": Match.any_value()}]}}
        )
        growing = {}
        for alarm in lagging.values():
            (action,) = alarm["Properties"]["AlarmActions"]
            if action["Ref"] in policies:
                (dimension,) = alarm["Properties"]["Dimensions"]
                growing[dimension["Value"]] = (alarm["Properties"], policies[action["Ref"]]["Properties"])
        assert growing.keys() == set(SERVICES)
        for service, (alarm, policy) in growing.items():
            assert alarm["Namespace"] == f"LedgerLink/{templates.environment.name}"
            assert (alarm["Threshold"], alarm["Statistic"]) == (1000, "Maximum")
            steps = policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
            assert [step["ScalingAdjustment"] for step in steps] == [1, 2], "more waiting does not bring more tasks"
            assert f"{service}service" in json.dumps(policy["ScalingTargetId"])


def test_three_nodes_are_in_three_zones_and_changed_one_by_one(prod: Templates) -> None:
    services = prod.broker.find_resources("AWS::ECS::Service")
    assert len(services) == len(NODES)
    after = {name: [d for d in service.get("DependsOn", []) if d in services] for name, service in services.items()}
    order = sorted(services)
    assert [after[name] for name in order] == [[], order[:1], order[1:2]], "two nodes may be changed at once"
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
    policies = {policy for group in groups for policy in group.get("UpdatePolicy", {})}
    assert policies <= {"AutoScalingScheduledAction"}, "all machines may be changed at once"


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
    prod.services.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {
            "LoadBalancerAttributes": Match.array_with(
                [
                    {"Key": "deletion_protection.enabled", "Value": "true"},
                    {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
                    {"Key": "access_logs.s3.enabled", "Value": "true"},
                ]
            )
        },
    )
    prod.services.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {
            "Actions": [Match.object_like({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}})],
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": sorted(PROBES)}}],
        },
    )
    prod.services.resource_count_is("AWS::WAFv2::WebACLAssociation", 1)
    (acl,) = prod.services.find_resources("AWS::WAFv2::WebACL").values()
    names = [rule["Name"] for rule in acl["Properties"]["Rules"]]
    assert names[0] == "rate"
    common = acl["Properties"]["Rules"][names.index("AWSManagedRulesCommonRuleSet")]["Statement"]
    counted = {rule["Name"] for rule in common["ManagedRuleGroupStatement"]["RuleActionOverrides"]}
    assert counted == {"SizeRestrictions_BODY", "GenericRFI_BODY", "GenericRFI_QUERYARGUMENTS"}, "apps' own machines"


def test_every_log_is_forgotten_in_time(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        groups = templates.resources("AWS::Logs::LogGroup")
        assert len(groups) >= 5
        for name, group in groups.items():
            days = group["Properties"]["RetentionInDays"]
            assert days == (30 if "Firewall" in name else templates.environment.log_days), name


def test_every_alarm_tells_somebody(prod: Templates) -> None:
    alarms = prod.services.find_resources("AWS::CloudWatch::Alarm")
    assert all(alarm["Properties"].get("AlarmActions") for alarm in alarms.values())
    properties = [alarm["Properties"] for alarm in alarms.values()]
    once = [a for a in properties if str(a.get("AlarmName", "")).endswith("-dead-letters")]
    assert [(a["Statistic"], a["Period"], a["EvaluationPeriods"]) for a in once] == [("Sum", 900, 1)] * len(SERVICES)
    named = {
        str(alarm["Properties"].get("AlarmName", "")).removeprefix("ledgerlink-prod-") for alarm in alarms.values()
    }
    for service in SERVICES:
        assert {f"{service}-down", f"{service}-database-disk"} <= named
    assert {f"{process}-{watched.alarm}" for watched in WATCHED for process in watched.processes} <= named
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
