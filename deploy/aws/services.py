"""What serves: the four services, the gateway behind its load balancer, and the provisioner that watches the broker."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from deploy.aws.alarms import Alarms
from deploy.aws.broker import Broker
from deploy.aws.edge import Edge
from deploy.aws.environments import Environment
from deploy.aws.network import Network
from deploy.aws.outputs import RELEASE
from deploy.aws.place import Place
from deploy.aws.processes import PROCESSES, PROVISIONER
from deploy.aws.restarts import restart_weekly
from deploy.aws.service import add_service
from deploy.aws.task import add_ours, new_task


class Services(Stack):
    """Holds no state: it can be deleted and made again."""

    def __init__(
        self, scope: Construct, name: str, environment: Environment, network: Network, place: Place, broker: Broker
    ) -> None:
        super().__init__(scope, name, env={"region": environment.region}, description="LedgerLink: services")
        self.services = {p: add_service(self, p, environment, network, place) for p in PROCESSES}
        self.services[PROVISIONER] = self._provisioner(network, place)
        CfnOutput(self, RELEASE, value=environment.image_tag)
        edge = Edge(self, "Edge", environment, network, self.services["gateway"])
        CfnOutput(self, "Balancer", value=edge.balancer.load_balancer_dns_name)
        restart_weekly(self, place.cluster, self.services)
        Alarms(self, "Alarms", environment, place, self.services, edge, broker)

    def _provisioner(self, network: Network, place: Place) -> ecs.FargateService:
        """Add the one that makes again what the broker has lost; a second one would only do the same."""
        task = new_task(self, PROVISIONER, 256, 512)
        add_ours(task, PROVISIONER, ["provision", "--watch"], place)
        return ecs.FargateService(
            self,
            f"{PROVISIONER}-service",
            service_name=PROVISIONER,
            cluster=place.cluster,
            task_definition=task,
            desired_count=1,
            min_healthy_percent=0,
            max_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[network.processes[PROVISIONER]],
            assign_public_ip=False,
        )
