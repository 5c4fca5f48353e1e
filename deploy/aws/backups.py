"""Daily copies of databases and the broker's disks in a vault, beside what RDS keeps to go back to any second."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_backup as backup
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.retention import removal_policy

AT = "3"
"""The hour, UTC."""


class Backups(Construct):
    """The vault, the plan, and what it covers."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        databases: Sequence[rds.DatabaseInstance],
        disks: Sequence[ec2.Volume],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, name)
        vault = backup.BackupVault(self, "Vault", encryption_key=key, removal_policy=removal_policy(environment))
        plan = backup.BackupPlan(self, "Plan", backup_vault=vault)
        plan.add_rule(
            backup.BackupPlanRule(
                rule_name="daily",
                schedule_expression=events.Schedule.cron(hour=AT, minute="0"),
                start_window=Duration.hours(1),
                completion_window=Duration.hours(6),
                delete_after=Duration.days(environment.backup_days),
            )
        )
        selection = plan.add_selection(
            "Everything",
            resources=[
                *(backup.BackupResource.from_rds_database_instance(database) for database in databases),
                *(backup.BackupResource.from_construct(disk) for disk in disks),
            ],
        )
        policy = "service-role/AWSBackupServiceRolePolicyForBackup"
        accept(
            selection,
            "The managed policy is the one that AWS Backup asks for.",
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
            f"AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/{policy}]",
        )
