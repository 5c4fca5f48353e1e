"""The stacks in the order in which they are deployed; what keeps state is apart from what can be made again."""

from aws_cdk import App

from deploy.aws.broker import Broker
from deploy.aws.delivery import Delivery
from deploy.aws.environments import Environment
from deploy.aws.jobs import Jobs
from deploy.aws.network import Network
from deploy.aws.services import Services
from deploy.aws.state import State


class Stacks:
    """Every stack of one environment."""

    def __init__(self, app: App, environment: Environment) -> None:
        def named(part: str) -> str:
            return f"{environment.prefix}-{part}"

        self.network = Network(app, named("network"), environment)
        self.state = State(app, named("state"), environment, self.network)
        self.delivery = Delivery(app, named("delivery"), environment, self.state)
        self.broker = Broker(app, named("broker"), environment, self.network, self.state)
        self.jobs = Jobs(app, named("jobs"), environment, self.network, self.state)
        self.services = Services(app, named("services"), environment, self.network, self.jobs.place, self.broker)
        self.services.add_stack_dependency(self.jobs)
        self.services.add_stack_dependency(self.broker)
