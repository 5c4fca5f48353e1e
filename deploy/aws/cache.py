"""Valkey for rate limits: over TLS, with a password, and nothing in it that must last."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.network import VALKEY, Network
from deploy.aws.retention import removal_policy


class Cache(Construct):
    """One shard; where there are several zones in use, a replica takes over."""

    def __init__(self, scope: Construct, name: str, environment: Environment, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self.password = secretsmanager.Secret(
            self,
            "Password",
            description="Valkey's password",
            encryption_key=key,
            removal_policy=removal_policy(environment),
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=64),
        )
        reason = "Valkey holds counters of minutes; to change it, deploy another and restart the gateways."
        accept(self.password, reason, "AwsSolutions-SMG4")
        nodes = 2 if environment.multi_az else 1
        self.group = elasticache.CfnReplicationGroup(
            self,
            "Group",
            replication_group_description="LedgerLink: rate limits",
            engine="valkey",
            engine_version="8.0",
            cache_node_type=environment.cache_class,
            num_cache_clusters=nodes,
            automatic_failover_enabled=nodes > 1,
            multi_az_enabled=nodes > 1,
            port=VALKEY,
            transit_encryption_enabled=True,
            at_rest_encryption_enabled=True,
            kms_key_id=key.key_arn,
            # A reference that CloudFormation resolves: the template holds no password.
            auth_token=self.password.secret_value.unsafe_unwrap(),
            cache_parameter_group_name=self._parameters().ref,
            cache_subnet_group_name=self._subnets(network).ref,
            security_group_ids=[network.cache.security_group_id],
            auto_minor_version_upgrade=True,
            snapshot_retention_limit=0,
        )
        accept(self.group, "The port is no secret, and security groups let the gateway alone in.", "AwsSolutions-AEC5")
        if nodes == 1:
            accept(self.group, "A second node is paid for in prod only.", "AwsSolutions-AEC4")

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.group.attr_primary_end_point_address}:{VALKEY}"

    def _parameters(self) -> elasticache.CfnParameterGroup:
        """Full memory must not turn into refused requests: the oldest counters go first."""
        return elasticache.CfnParameterGroup(
            self,
            "Parameters",
            cache_parameter_group_family="valkey8",
            description="LedgerLink: rate limits",
            properties={"maxmemory-policy": "allkeys-lru"},
        )

    def _subnets(self, network: Network) -> elasticache.CfnSubnetGroup:
        isolated = network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        return elasticache.CfnSubnetGroup(
            self, "Subnets", description="LedgerLink: rate limits", subnet_ids=isolated.subnet_ids
        )
