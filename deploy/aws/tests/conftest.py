from dataclasses import dataclass

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from deploy.aws.app import build, settings_of_cdk
from deploy.aws.stacks import Stacks


@dataclass(frozen=True)
class Templates:
    """What CloudFormation is given, by stack; to make it passes cdk-nag, or raises."""

    stacks: Stacks
    network: Template
    state: Template
    delivery: Template
    broker: Template
    jobs: Template
    services: Template


def synthesized(environment: str) -> Templates:
    app = App(context=settings_of_cdk(environment))
    stacks = build(app)
    app.synth()

    def of(stack: Stack) -> Template:
        return Template.from_stack(stack)

    parts = (stacks.network, stacks.state, stacks.delivery, stacks.broker, stacks.jobs, stacks.services)
    return Templates(stacks, *(of(stack) for stack in parts))


@pytest.fixture(scope="session")
def prod() -> Templates:
    return synthesized("prod")


@pytest.fixture(scope="session")
def dev() -> Templates:
    return synthesized("dev")
