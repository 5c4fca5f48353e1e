"""`python -m deploy.aws.app`: all stacks of one environment, as CloudFormation templates. What `cdk synth` runs."""

import json
from pathlib import Path

from aws_cdk import Acknowledgment, App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from deploy.aws.environments import CDK_JSON, load
from deploy.aws.stacks import Stacks


def build(app: App) -> Stacks:
    """Add the stacks of the environment that the context names."""
    environment = load(app.node.get_context("environment"), app.node.get_context("image_tag"))
    Tags.of(app).add("ledgerlink:environment", environment.name)
    zones = "A node of the broker and its disk are in one zone, so zones have names."
    Validations.of(app).acknowledge(Acknowledgment(id="CloudFormation-Validate::W3010", reason=zones))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
    return Stacks(app, environment)


def settings_of_cdk(environment: str) -> dict[str, object]:
    """Return cdk.json's context, for one environment: so tests see what `cdk synth` sees."""
    context: dict[str, object] = json.loads(Path(CDK_JSON).read_text())["context"]
    return context | {"environment": environment}


if __name__ == "__main__":
    main = App()
    build(main)
    main.synth()
