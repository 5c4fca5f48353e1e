"""Who may deploy: workflows of our repository, by GitHub's own tokens, in the environment that they say."""

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept, wildcards
from deploy.aws.state import State

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


class Delivery(Stack):
    """Deployed once by an administrator; there is one provider in an account."""

    def __init__(self, scope: Construct, name: str, environment: Environment, state: State) -> None:
        super().__init__(scope, name, env={"region": environment.region}, description="LedgerLink: who may deploy")
        provider = iam.CfnOIDCProvider(self, "GitHub", url=f"https://{ISSUER}", client_id_list=[AUDIENCE])
        subject = f"repo:{environment.github_repository}:environment:{environment.name}"
        principal = iam.FederatedPrincipal(
            provider.attr_arn,
            {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}},
            "sts:AssumeRoleWithWebIdentity",
        )
        self.role = iam.Role(
            self,
            "Role",
            role_name=f"{environment.prefix}-deploy",
            assumed_by=principal,
            max_session_duration=Duration.hours(2),
        )
        for repository in state.images.values():
            repository.grant_pull_push(self.role)
        self._let_deploy(environment)
        CfnOutput(self, "RoleArn", value=self.role.role_arn)

    def _let_deploy(self, environment: Environment) -> None:
        """Let it use the roles of CDK's bootstrap, which do the work, and run and watch our jobs."""
        roles = f"arn:{self.partition}:iam::{self.account}:role/cdk-*-{self.account}-{self.region}"
        self.role.add_to_policy(iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[roles]))
        tasks = self.format_arn(
            service="ecs", resource="task-definition", resource_name=f"{environment.prefix.replace('-', '')}jobs*"
        )
        cluster = self.format_arn(service="ecs", resource="cluster", resource_name=environment.prefix)
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:RunTask"], resources=[tasks], conditions={"ArnEquals": {"ecs:cluster": cluster}}
            )
        )
        running = self.format_arn(service="ecs", resource="task", resource_name=f"{environment.prefix}/*")
        self.role.add_to_policy(iam.PolicyStatement(actions=["ecs:DescribeTasks"], resources=[running]))
        stacks = self.format_arn(service="cloudformation", resource="stack", resource_name=f"{environment.prefix}-*/*")
        self.role.add_to_policy(iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[stacks]))
        ours = f"arn:{self.partition}:iam::{self.account}:role/{environment.prefix}-jobs-*"
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[ours],
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
        named = (f"Resource::{arn}" for arn in (roles, tasks, running, stacks, ours))
        accept(self.role, _WILDCARDS, *wildcards(self.role, "Resource::*", *named))


_WILDCARDS = "Wildcards within names that begin with this environment's prefix; ECR's token has no resource."
