import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from deploy.aws.app import build, settings_of_cdk
from deploy.aws.environments import CDK_JSON, Environment, load
from deploy.aws.stacks import Stacks

ENVIRONMENTS = tuple(json.loads(CDK_JSON.read_text())["context"]["environments"])
KEPT = CDK_JSON.parent / "cdk.out"
"""Where `task aws` lets cfn-lint look at what was synthesized here."""


@dataclass(frozen=True)
class Templates:
    """What CloudFormation is given, by stack; to make it passes cdk-nag, or raises."""

    environment: Environment
    stacks: Stacks
    network: Template
    state: Template
    delivery: Template
    broker: Template
    jobs: Template
    services: Template

    @property
    def all(self) -> tuple[Template, ...]:
        return (self.network, self.state, self.delivery, self.broker, self.jobs, self.services)

    def resources(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The resources of a kind in all stacks, by stack's place and logical id."""
        found: dict[str, Mapping[str, Any]] = {}
        for place, template in enumerate(self.all):
            found |= {f"{place}.{name}": r for name, r in template.find_resources(kind).items()}
        return found


def synthesized(environment: str) -> Templates:
    app = App(context=settings_of_cdk(environment), outdir=str(KEPT / environment))
    stacks = build(app)
    app.synth()

    def of(stack: Stack) -> Template:
        return Template.from_stack(stack)

    parts = (stacks.network, stacks.state, stacks.delivery, stacks.broker, stacks.jobs, stacks.services)
    return Templates(load(environment), stacks, *(of(stack) for stack in parts))


@pytest.fixture(scope="session")
def every() -> Mapping[str, Templates]:
    """Each environment of cdk.json."""
    return {name: synthesized(name) for name in ENVIRONMENTS}


@pytest.fixture(scope="session")
def prod(every: Mapping[str, Templates]) -> Templates:
    return every["prod"]


@pytest.fixture(scope="session")
def dev(every: Mapping[str, Templates]) -> Templates:
    return every["dev"]


def containers(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each container of the task definitions, with the family of its task."""
    for task in template.find_resources("AWS::ECS::TaskDefinition").values():
        for container in task["Properties"]["ContainerDefinitions"]:
            yield task["Properties"]["Family"], container
