"""The network, and who reaches whom in it: every security group and every rule is here."""

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.processes import CLIENTS_PORT, PORT, PROCESSES, PROVISIONER, ROUTES_PORT, SERVICES
from deploy.aws.retention import log_group

POSTGRES, VALKEY, HTTP, HTTPS, SMTP = 5432, 6379, 80, 443, 587
CIDR = "10.20.0.0/16"


class Network(Stack):
    """Three zones; public subnets for the load balancer, private ones for tasks, isolated ones for data."""

    def __init__(self, scope: Construct, name: str, environment: Environment) -> None:
        super().__init__(scope, name, env={"region": environment.region}, description="LedgerLink: network")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(CIDR),
            availability_zones=environment.zones,
            nat_gateways=environment.nat_gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="edge", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(name="data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        group = log_group(self, "FlowLogs", environment)
        self.vpc.add_flow_log("Flows", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group))
        self.balancer = self._group("balancer", "the load balancer")
        self.broker = self._group("broker", "the nodes of NATS")
        self.cache = self._group("cache", "Valkey")
        self.rotation = self._group("rotation", "what changes passwords")
        self.databases_job = self._group("databases-job", "the job that makes databases")
        self.processes = {name: self._group(name, name) for name in (*PROCESSES, PROVISIONER)}
        self.databases = {name: self._group(f"{name}-database", f"the database of {name}") for name in SERVICES}
        self.migrations = {name: self._group(f"{name}-migration", f"migrations of {name}") for name in SERVICES}
        self._allow()

    def _group(self, name: str, whose: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, f"{name}-group", vpc=self.vpc, allow_all_outbound=False, description=f"LedgerLink: {whose}"
        )

    def _allow(self) -> None:
        """Open exactly what is needed; all else is closed, outwards too."""
        self.balancer.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "clients")
        self.balancer.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTP), "clients, who are sent to HTTPS")
        reason = "The API is for everybody; the load balancer's two ports are the only ones open to the world."
        accept(self.balancer, reason, "AwsSolutions-EC23")
        _open(self.balancer, self.processes["gateway"], PORT)
        _open(self.processes["gateway"], self.cache, VALKEY)
        for service, database in self.databases.items():
            for client in (self.processes[service], self.migrations[service], self.databases_job, self.rotation):
                _open(client, database, POSTGRES)
        for process in self.processes.values():
            _open(process, self.broker, CLIENTS_PORT)
        self.broker.connections.allow_internally(ec2.Port.tcp(ROUTES_PORT))
        self._allow_outside()

    def _allow_outside(self) -> None:
        for group in (*self.processes.values(), *self.migrations.values(), self.broker, self.rotation):
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "AWS, processors, merchants")
        self.databases_job.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "AWS")
        self.processes["identity"].add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(SMTP), "the mail server")


def _open(client: ec2.SecurityGroup, server: ec2.SecurityGroup, port: int) -> None:
    client.connections.allow_to(server, ec2.Port.tcp(port))
