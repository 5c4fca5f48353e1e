"""Every service begins anew each week, task by task, and so takes passwords that were rotated meanwhile."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

AT = "cron(0 4 ? * TUE *)"
"""A rotation every thirty days changes one of two users in turn: sixty days pass before a task's own is changed."""
TARGET = "arn:aws:scheduler:::aws-sdk:ecs:updateService"


def restart_weekly(scope: Construct, cluster: ecs.ICluster, services: Mapping[str, ecs.FargateService]) -> None:
    """Add a schedule for each service, under one role that can do nothing else."""
    role = iam.Role(scope, "restarts", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
    arns = [service.service_arn for service in services.values()]
    role.add_to_policy(iam.PolicyStatement(actions=["ecs:UpdateService"], resources=arns))
    for process, service in services.items():
        request = {"Cluster": cluster.cluster_name, "Service": service.service_name, "ForceNewDeployment": True}
        scheduler.CfnSchedule(
            scope,
            f"{process}-restart",
            schedule_expression=AT,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE", maximum_window_in_minutes=120
            ),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=TARGET, role_arn=role.role_arn, input=Stack.of(scope).to_json_string(request)
            ),
        )
