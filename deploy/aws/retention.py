"""What is kept for how long: logs, and what stays when a stack goes."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from deploy.aws.environments import Environment

_DAYS = {
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(scope: Construct, name: str, environment: Environment) -> logs.LogGroup:
    """Return a log group that forgets. Raises KeyError for days that are not among those we use."""
    return logs.LogGroup(scope, name, retention=_DAYS[environment.log_days], removal_policy=removal_policy(environment))


def removal_policy(environment: Environment) -> RemovalPolicy:
    """Return what becomes of data when its stack is deleted."""
    return RemovalPolicy.RETAIN if environment.keeps_data else RemovalPolicy.DESTROY
