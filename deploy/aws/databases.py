"""A PostgreSQL for each service: encrypted, over TLS only, backed up, its passwords rotated."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.network import POSTGRES, Network
from deploy.aws.retention import removal_policy

ADMINISTRATOR = "ledgerlink_admin"
ROTATED_EVERY = Duration.days(30)
GROWS_TO = 4
"""How many times its first size a disk may grow by itself."""
# They go into the environment and to psql; none of these needs quoting anywhere.
EXCLUDED = "'\"\\/@:?#&=%+ `$!(){}[]<>|;,*~^"


class Database(Construct):
    """One service's database and the three who may log in: its administrator, its owner, and the service."""

    def __init__(
        self, scope: Construct, service: str, environment: Environment, network: Network, key: kms.IKey
    ) -> None:
        super().__init__(scope, f"{service}-database")
        self.service, self._key, self._network = service, key, network
        self.instance = self._instance(environment)
        self.administrator = self.instance.secret
        if self.administrator is None:
            raise ValueError(f"the database of {service} has no administrator's secret")
        self.owner = self._login(f"{service}_owner", self.administrator)
        self.runtime = self._login(service, self.administrator)
        self._rotate()

    def url(self) -> str:
        """Return where the database is; user, password and how it is trusted come as libpq's variables."""
        return f"postgresql://{self.instance.db_instance_endpoint_address}:{POSTGRES}/{self.service}"

    def _instance(self, environment: Environment) -> rds.DatabaseInstance:
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            engine=_ENGINE,
            parameters={
                "rds.force_ssl": "1",
                "log_min_duration_statement": "1000",
                "log_connections": "1",
                "timezone": "UTC",
                "shared_preload_libraries": "pg_stat_statements",
            },
            instance_type=ec2.InstanceType(environment.database_class),
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self._network.databases[self.service]],
            publicly_accessible=False,
            multi_az=environment.multi_az,
            credentials=rds.Credentials.from_generated_secret(
                ADMINISTRATOR, encryption_key=self._key, exclude_characters=EXCLUDED
            ),
            storage_type=rds.StorageType.GP3,
            allocated_storage=environment.database_gib,
            max_allocated_storage=GROWS_TO * environment.database_gib,
            storage_encrypted=True,
            storage_encryption_key=self._key,
            backup_retention=Duration.days(environment.backup_days),
            delete_automated_backups=not environment.keeps_data,
            copy_tags_to_snapshot=True,
            deletion_protection=environment.keeps_data,
            removal_policy=removal_policy(environment),
            cloudwatch_logs_exports=["postgresql"],
            enable_performance_insights=True,
            performance_insight_encryption_key=self._key,
            monitoring_interval=Duration.seconds(60),
            auto_minor_version_upgrade=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        )
        _accept_findings(instance, environment)
        return instance

    def _login(self, role: str, administrator: secretsmanager.ISecret) -> secretsmanager.ISecret:
        """Return the secret of a role, which the job of the databases makes with that password."""
        secret = rds.DatabaseSecret(
            self,
            f"{role}-login",
            username=role,
            dbname=self.service,
            master_secret=administrator,
            encryption_key=self._key,
            exclude_characters=EXCLUDED,
        )
        return secret.attach(self.instance)

    def _rotate(self) -> None:
        """Change passwords by AWS's own functions.

        The service has two users in turn: the one that its tasks began with goes on to work until the next rotation
        but one, and they begin anew each week (deploy.aws.restarts). Not at once: the roles are made by a job later.
        """
        hosted = secretsmanager.HostedRotation
        place: dict[str, Any] = {
            "vpc": self._network.vpc,
            "vpc_subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            "security_groups": [self._network.rotation],
            "exclude_characters": EXCLUDED,
        }
        if self.administrator is None:  # said above, for mypy
            return
        rotations = (
            (self.administrator, hosted.postgre_sql_single_user(**place)),
            (self.owner, hosted.postgre_sql_single_user(**place)),
            (self.runtime, hosted.postgre_sql_multi_user(master_secret=self.administrator, **place)),
        )
        for secret, rotation in rotations:
            secret.add_rotation_schedule(
                "Rotation",
                hosted_rotation=rotation,
                automatically_after=ROTATED_EVERY,
                rotate_immediately_on_update=False,
            )


_ENGINE = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18_3)


def _accept_findings(instance: rds.DatabaseInstance, environment: Environment) -> None:
    accept(
        instance, "Port 5432: security groups decide who reaches it, not a port to be guessed.", "AwsSolutions-RDS11"
    )
    accept(
        instance,
        "The managed policy is the one that RDS asks for to send its measurements.",
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]",
        "AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]",
    )
    if not environment.multi_az:
        accept(instance, "A second instance is paid for in prod only.", "AwsSolutions-RDS3")
    if not environment.keeps_data:
        accept(instance, "Nothing in dev is worth keeping.", "AwsSolutions-RDS10")
