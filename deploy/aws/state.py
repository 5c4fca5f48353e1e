"""Everything that remembers: databases, cache, the broker's disks, secrets, images, backups. Deployed on its own."""

from aws_cdk import RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from deploy.aws.backups import Backups
from deploy.aws.cache import Cache
from deploy.aws.databases import Database
from deploy.aws.environments import Environment
from deploy.aws.network import Network
from deploy.aws.processes import NODES, SERVICES
from deploy.aws.retention import removal_policy
from deploy.aws.secret_settings import SecretSettings

IMAGES = ("ledgerlink", "ledgerlink-databases", "ledgerlink-nats")
KEPT_IMAGES = 50


class State(Stack):
    """The stack that must not be lost; it refuses its deletion where data is kept."""

    def __init__(self, scope: Construct, name: str, environment: Environment, network: Network) -> None:
        super().__init__(
            scope,
            name,
            env={"region": environment.region},
            description="LedgerLink: state",
            termination_protection=environment.keeps_data,
        )
        policy = removal_policy(environment)
        self.key = kms.Key(
            self, "Key", enable_key_rotation=True, removal_policy=policy, description="LedgerLink's data and secrets"
        )
        self.images = {image: self._repository(image, environment) for image in IMAGES}
        self.secrets = SecretSettings(self, "Settings", environment, self.key)
        self.databases = {s: Database(self, s, environment, network, self.key) for s in SERVICES}
        self.cache = Cache(self, "Cache", environment, network, self.key)
        self.disks = [self._disk(*placed, environment) for placed in zip(NODES, environment.zones, strict=True)]
        resources = [database.instance for database in self.databases.values()]
        Backups(self, "Backups", environment, resources, self.disks, self.key)

    def _repository(self, image: str, environment: Environment) -> ecr.Repository:
        """Return where an image is kept; what a tag names never changes, so that a rollback is what ran before."""
        return ecr.Repository(
            self,
            image,
            repository_name=f"{environment.prefix}/{image}",
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=KEPT_IMAGES)],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _disk(self, node: str, zone: str, environment: Environment) -> ec2.Volume:
        """Return the disk of one node, which outlives the machines that it is attached to."""
        return ec2.Volume(
            self,
            node,
            availability_zone=zone,
            size=Size.gibibytes(environment.broker_gib),
            volume_type=ec2.EbsDeviceVolumeType.GP3,
            encrypted=True,
            encryption_key=self.key,
            removal_policy=removal_policy(environment),
            volume_name=f"{environment.prefix}-{node}",
        )
