"""Reading secrets of the stack that keeps them, from the others."""

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager


def read(task: ecs.TaskDefinition, secret: secretsmanager.ISecret, field: str | None = None) -> ecs.Secret:
    """Return a secret, or one field of it, for the container of a task.

    As one that another stack owns: CDK would name each reader in the policy of the key too, and so make the stack of
    the key depend on all others. `let_decrypt` is what the reader needs instead.
    """
    name = f"{field}-of-{secret.node.addr}"
    seen = secretsmanager.Secret.from_secret_complete_arn(task, name, secret.secret_arn)
    return ecs.Secret.from_secrets_manager(seen, field)


def let_decrypt(task: ecs.TaskDefinition, key: kms.IKey) -> None:
    """Let ECS decrypt what Secrets Manager gives it for a task; which secrets those are, their own grants say."""
    stack = Stack.of(task)
    task.add_to_execution_role_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt"],
            resources=[key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.{stack.url_suffix}"}},
        )
    )
