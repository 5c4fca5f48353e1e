"""Secret settings in Secrets Manager: one secret for each process, filled once by deploy.aws.fill_secrets."""

from aws_cdk import SecretValue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.processes import SECRET_SETTINGS
from deploy.aws.retention import removal_policy
from deploy.aws.secret_names import AUTHORITY, BROKER, secret_name

_NO_ROTATION = (
    "Keys that seal stored data or prove who says something: replaced by putting the new one beside the old "
    "(docs/guides/settings.md), which no rotation function knows how to do."
)


class SecretSettings(Construct):
    """The secrets, by process; `broker` is what its nodes know, `authority` by which certificate they are known."""

    def __init__(self, scope: Construct, name: str, environment: Environment, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self._environment, self._key = environment, key
        self.of = {process: self._secret(process) for process in (*SECRET_SETTINGS, BROKER, AUTHORITY)}

    def _secret(self, process: str) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            process,
            secret_name=secret_name(self._environment.name, process),
            description=f"Secret settings of {process}",
            encryption_key=self._key,
            removal_policy=removal_policy(self._environment),
            # Nothing secret: without a first value there is none to add to.
            secret_object_value={"made_by": SecretValue.unsafe_plain_text("deploy.aws.fill_secrets")},
        )
        accept(secret, _NO_ROTATION, "AwsSolutions-SMG4")
        return secret
