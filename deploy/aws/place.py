"""Where tasks of ours run, and what they are given there."""

from dataclasses import dataclass

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs

from deploy.aws.environments import Environment
from deploy.aws.network import CIDR
from deploy.aws.state import State


@dataclass(frozen=True)
class Place:
    """A cluster, its logs, and the stack that keeps state."""

    environment: Environment
    state: State
    cluster: ecs.ICluster
    logs: aws_logs.ILogGroup
    metrics: aws_logs.ILogGroup

    @property
    def trusted(self) -> str:
        """The network of the load balancer, whose forwarded headers the gateway believes."""
        return CIDR

    @property
    def image(self) -> ecs.ContainerImage:
        """Our image, of the release that is deployed."""
        return ecs.ContainerImage.from_ecr_repository(self.state.images["ledgerlink"], self.environment.image_tag)
