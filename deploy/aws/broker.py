"""Three nodes of NATS JetStream, one in each zone, each with a disk that outlives the machine it is attached to.

Fargate can attach disks, but makes a new one for each task of a service, so a node would come back empty; EFS is a
network file system, on which NATS advises against JetStream. Hence one EC2 machine for each node: when it dies, its
group starts another in the same zone, which takes the disk over.

A deployment changes containers one after the other and leaves the machines alone: CloudFormation would change the three
groups at once. A machine gets a new image when it is ended by hand (docs/guides/aws.md).
"""

from aws_cdk import Duration, Stack, Tags
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

from deploy.aws.disk import MOUNTED, take_over
from deploy.aws.environments import Environment
from deploy.aws.findings import accept, wildcards
from deploy.aws.network import Network
from deploy.aws.node_health import CHECK
from deploy.aws.processes import BROKER_SECRETS, CLIENTS_PORT, NAMESPACE, NODES, ROUTES_PORT
from deploy.aws.reading import let_decrypt, read
from deploy.aws.retention import log_group
from deploy.aws.secret_names import AUTHORITY, BROKER
from deploy.aws.state import State
from deploy.aws.task import no_capabilities

WRITTEN = "/run/ledgerlink"
USER = "1000:1000"
MEMORY = 768
"""MiB that a node is promised; it may take what the machine has left."""
NODE_TAG = "ledgerlink:node"


class Broker(Stack):
    """The cluster of machines, and on each of them one service of one task."""

    def __init__(self, scope: Construct, name: str, environment: Environment, network: Network, state: State) -> None:
        super().__init__(scope, name, env={"region": environment.region}, description="LedgerLink: broker")
        self._environment, self._network, self._state = environment, network, state
        self.cluster = ecs.Cluster(
            self, "Cluster", vpc=network.vpc, container_insights_v2=ecs.ContainerInsights.ENABLED
        )
        self.namespace = servicediscovery.PrivateDnsNamespace(self, "Names", name=NAMESPACE, vpc=network.vpc)
        self._logs = log_group(self, "Logs", environment)
        self.nodes: list[ecs.Ec2Service] = []
        for node, zone, disk in zip(NODES, environment.zones, state.disks, strict=True):
            self._add(node, self._machine(node, zone, disk))

    def _machine(self, node: str, zone: str, disk: ec2.Volume) -> ecs.AsgCapacityProvider:
        """Return the one machine of a node, in the zone of its disk."""
        role = iam.Role(self, f"{node}-machine", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        template = ec2.LaunchTemplate(
            self,
            f"{node}-template",
            instance_type=ec2.InstanceType(self._environment.broker_class),
            machine_image=ecs.EcsOptimizedImage.amazon_linux2023(ecs.AmiHardwareType.STANDARD),
            user_data=take_over(disk),
            role=role.without_policy_updates(),  # CDK would let it do more, on more
            security_group=self._network.broker,
            require_imdsv2=True,
            detailed_monitoring=True,
            block_devices=[_root_disk()],
        )
        group = autoscaling.AutoScalingGroup(
            self,
            f"{node}-group",
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, availability_zones=[zone]),
            launch_template=template,
            min_capacity=0,
            max_capacity=1,
        )
        for part in (group, disk):
            Tags.of(part).add(NODE_TAG, node)
        _let_attach(role, disk, node)
        _let_register(role, self.cluster)
        _accept_findings(group, role)
        provider = ecs.AsgCapacityProvider(self, f"{node}-provider", auto_scaling_group=group)
        self.cluster.add_asg_capacity_provider(provider)
        return provider

    def _add(self, node: str, machine: ecs.AsgCapacityProvider) -> None:
        """Add a node's service; nodes are changed one after the other, so that two of three always agree."""
        service = ecs.Ec2Service(
            self,
            f"{node}-service",
            cluster=self.cluster,
            task_definition=self._task(node),
            desired_count=1,
            min_healthy_percent=0,  # a disk has one user
            max_healthy_percent=100,
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=machine.capacity_provider_name, weight=1)
            ],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[self._network.broker],
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            cloud_map_options=ecs.CloudMapOptions(
                name=node,
                cloud_map_namespace=self.namespace,
                dns_record_type=servicediscovery.DnsRecordType.A,
                dns_ttl=Duration.seconds(5),
            ),
        )
        if self.nodes:
            service.node.add_dependency(self.nodes[-1])
        self.nodes.append(service)

    def _task(self, node: str) -> ecs.Ec2TaskDefinition:
        task = ecs.Ec2TaskDefinition(self, f"{node}-task", network_mode=ecs.NetworkMode.AWS_VPC)
        task.add_volume(name="disk", host=ecs.Host(source_path=MOUNTED))
        task.add_volume(name="configuration")
        task.add_volume(name="scratch")
        writer = self._writer(task, node)
        server = self._server(task)
        server.add_container_dependencies(
            ecs.ContainerDependency(container=writer, condition=ecs.ContainerDependencyCondition.SUCCESS)
        )
        let_decrypt(task, self._state.key)
        accept(task, "What is secret comes from Secrets Manager; these are names and ports.", "AwsSolutions-ECS2")
        if task.execution_role:
            accept(task.execution_role, "ECR's token is for the whole account.", "AwsSolutions-IAM5[Resource::*]")
        return task

    def _writer(self, task: ecs.Ec2TaskDefinition, node: str) -> ecs.ContainerDefinition:
        """Add the container that writes the configuration of this release and ends."""
        secret = self._state.secrets.of[BROKER]
        authority = self._state.secrets.of[AUTHORITY]
        names = {f"BROKER_{name}": read(task, secret, f"BROKER_{name}") for name in BROKER_SECRETS}
        names["BROKER_AUTHORITY"] = read(task, authority, "NATS_AUTHORITY")
        container = task.add_container(
            "configuration",
            image=ecs.ContainerImage.from_ecr_repository(self._state.images["ledgerlink"], self._environment.image_tag),
            command=["broker-node", WRITTEN],
            environment={"BROKER_NODE": node, "BROKER_NODES": ",".join(NODES), "BROKER_DOMAIN": NAMESPACE},
            secrets=names,
            user="0:0",  # the volume is root's
            essential=False,
            memory_reservation_mib=128,
            readonly_root_filesystem=True,
            linux_parameters=no_capabilities(task, "configuration"),
            logging=self._logging("configuration"),
        )
        container.add_mount_points(_mount("configuration", WRITTEN), _mount("scratch", "/tmp"))  # noqa: S108
        return container

    def _server(self, task: ecs.Ec2TaskDefinition) -> ecs.ContainerDefinition:
        container = task.add_container(
            "nats",
            image=ecs.ContainerImage.from_ecr_repository(
                self._state.images["ledgerlink-nats"], self._environment.image_tag
            ),
            command=["--config", f"{WRITTEN}/nats.conf"],
            user=USER,
            memory_reservation_mib=MEMORY,
            readonly_root_filesystem=True,
            linux_parameters=no_capabilities(task, "nats"),
            stop_timeout=Duration.seconds(60),
            health_check=ecs.HealthCheck(
                command=["CMD-SHELL", CHECK],
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                retries=6,
                start_period=Duration.seconds(120),
            ),
            port_mappings=[ecs.PortMapping(container_port=port) for port in (CLIENTS_PORT, ROUTES_PORT)],
            logging=self._logging("nats"),
        )
        container.add_mount_points(_mount("disk", "/data"), _mount("configuration", WRITTEN, read_only=True))
        return container

    def _logging(self, prefix: str) -> ecs.LogDriver:
        return ecs.LogDriver.aws_logs(stream_prefix=prefix, log_group=self._logs)


def _mount(volume: str, path: str, *, read_only: bool = False) -> ecs.MountPoint:
    return ecs.MountPoint(source_volume=volume, container_path=path, read_only=read_only)


def _root_disk() -> ec2.BlockDevice:
    disk = ec2.BlockDeviceVolume.ebs(30, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3)
    return ec2.BlockDevice(device_name="/dev/xvda", volume=disk)


def _let_attach(role: iam.Role, disk: ec2.Volume, node: str) -> None:
    """Let a machine attach its node's disk, and no other, to machines of its own group, which have its tag."""
    stack = Stack.of(role)
    instances = stack.format_arn(service="ec2", resource="instance", resource_name="*")
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ec2:AttachVolume"],
            resources=[stack.format_arn(service="ec2", resource="volume", resource_name=disk.volume_id), instances],
            conditions={"StringEquals": {f"aws:ResourceTag/{NODE_TAG}": node}},
        )
    )


def _let_register(role: iam.Role, cluster: ecs.ICluster) -> None:
    """Let ECS's agent say that the machine is there, and what becomes of its tasks, and nothing else."""
    own = [
        "ecs:DeregisterContainerInstance",
        "ecs:RegisterContainerInstance",
        "ecs:SubmitAttachmentStateChanges",
        "ecs:SubmitContainerStateChange",
        "ecs:SubmitTaskStateChange",
    ]
    role.add_to_policy(iam.PolicyStatement(actions=own, resources=[cluster.cluster_arn]))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ecs:Poll", "ecs:StartTelemetrySession"],
            resources=["*"],
            conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
        )
    )
    role.add_to_policy(iam.PolicyStatement(actions=["ecs:DiscoverPollEndpoint"], resources=["*"]))


def _accept_findings(group: autoscaling.AutoScalingGroup, role: iam.Role) -> None:
    accept(group, "Alarms say when a node is away; machines that come and go are no news.", "AwsSolutions-AS3")
    reason = (
        "ECS's agent asks where it reports, which has no resource, and reports to its own cluster alone; "
        "a node's disk, which is named, attaches to any machine with the node's tag: its id nobody knows before."
    )
    instances = Stack.of(role).format_arn(service="ec2", resource="instance", resource_name="*")
    accept(role, reason, *wildcards(role, "Resource::*", f"Resource::{instances}"))
