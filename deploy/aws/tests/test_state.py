import json
from collections.abc import Mapping
from typing import Any

from aws_cdk.assertions import Match

from contracts.topology import streams
from deploy.aws.environments import load
from deploy.aws.tests.conftest import Templates

GIB = 2**30


def resources(template: Any, kind: str) -> Mapping[str, dict[str, Any]]:
    found: Mapping[str, dict[str, Any]] = template.find_resources(kind)
    return found


def test_databases_are_closed_encrypted_and_doubled(prod: Templates) -> None:
    assert len(resources(prod.state, "AWS::RDS::DBInstance")) == 4
    prod.state.all_resources_properties(
        "AWS::RDS::DBInstance",
        {
            "PubliclyAccessible": False,
            "StorageEncrypted": True,
            "MultiAZ": True,
            "DeletionProtection": True,
            "BackupRetentionPeriod": 35,
            "DeleteAutomatedBackups": False,
            "MasterUserPassword": Match.object_like({"Fn::Join": Match.any_value()}),
        },
    )
    prod.state.all_resources_properties(
        "AWS::RDS::DBParameterGroup", {"Parameters": Match.object_like({"rds.force_ssl": "1"})}
    )
    prod.state.all_resources("AWS::RDS::DBInstance", {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"})


def test_databases_are_in_subnets_without_a_way_out(prod: Templates) -> None:
    isolated = {subnet.subnet_id for subnet in prod.stacks.network.vpc.isolated_subnets}
    assert len(isolated) == 3
    routes = resources(prod.network, "AWS::EC2::Route")
    assert not [route for name, route in routes.items() if "data" in name], "an isolated subnet has a route out"
    for group in resources(prod.state, "AWS::RDS::DBSubnetGroup").values():
        assert all("datasubnet" in json.dumps(subnet).lower() for subnet in group["Properties"]["SubnetIds"])


def test_every_password_is_rotated_and_the_services_by_turns(prod: Templates) -> None:
    schedules = resources(prod.state, "AWS::SecretsManager::RotationSchedule").values()
    kinds = sorted(s["Properties"]["HostedRotationLambda"]["RotationType"] for s in schedules)
    assert kinds == ["PostgreSQLMultiUser"] * 4 + ["PostgreSQLSingleUser"] * 8
    assert all(s["Properties"]["RotateImmediatelyOnUpdate"] is False for s in schedules)


def test_no_template_holds_a_secret(prod: Templates) -> None:
    for secret in resources(prod.state, "AWS::SecretsManager::Secret").values():
        properties = secret["Properties"]
        assert "KmsKeyId" in properties
        assert "GenerateSecretString" in properties or "fill_secrets" in properties["SecretString"]


def test_valkey_demands_tls_and_a_password(prod: Templates) -> None:
    prod.state.has_resource_properties(
        "AWS::ElastiCache::ReplicationGroup",
        {
            "Engine": "valkey",
            "TransitEncryptionEnabled": True,
            "AtRestEncryptionEnabled": True,
            "AutomaticFailoverEnabled": True,
            "AuthToken": Match.object_like({"Fn::Join": Match.any_value()}),
        },
    )


def test_disks_of_the_broker_outlive_everything_and_hold_all_streams(prod: Templates) -> None:
    prod.state.resource_count_is("AWS::EC2::Volume", 3)
    prod.state.all_resources("AWS::EC2::Volume", {"DeletionPolicy": "Retain"})
    prod.state.all_resources_properties("AWS::EC2::Volume", {"Encrypted": True, "VolumeType": "gp3"})
    zones = [v["Properties"]["AvailabilityZone"] for v in resources(prod.state, "AWS::EC2::Volume").values()]
    assert len(set(zones)) == 3
    for name in ("dev", "staging", "prod"):
        assert load(name).broker_gib * GIB > sum(stream.max_bytes for stream in streams())


def test_backups_cover_databases_and_disks(prod: Templates) -> None:
    (selection,) = resources(prod.state, "AWS::Backup::BackupSelection").values()
    assert len(selection["Properties"]["BackupSelection"]["Resources"]) == 4 + 3
    prod.state.has_resource_properties(
        "AWS::Backup::BackupPlan",
        {"BackupPlan": {"BackupPlanRule": [Match.object_like({"Lifecycle": {"DeleteAfterDays": 35}})]}},
    )


def test_only_images_that_never_change_are_kept(prod: Templates) -> None:
    prod.state.all_resources_properties(
        "AWS::ECR::Repository",
        {"ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": {"ScanOnPush": True}},
    )


def test_state_that_matters_refuses_deletion(prod: Templates, dev: Templates) -> None:
    assert prod.stacks.state.termination_protection is True
    assert dev.stacks.state.termination_protection is False
    dev.state.all_resources_properties("AWS::RDS::DBInstance", {"MultiAZ": False, "PubliclyAccessible": False})
