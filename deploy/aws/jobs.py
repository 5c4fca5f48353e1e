"""What runs once for a release, before its services: the databases' roles, migrations, streams."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from deploy.aws.databases import Database
from deploy.aws.environments import Environment
from deploy.aws.network import POSTGRES, Network
from deploy.aws.place import Place
from deploy.aws.processes import PROVISIONER, SERVICES
from deploy.aws.reading import read
from deploy.aws.retention import log_group
from deploy.aws.state import State
from deploy.aws.task import add_container, add_ours, login, new_task, verified

CPU, MEMORY = 512, 1024


class Jobs(Stack):
    """The cluster of all that runs on Fargate, and the task definitions of the jobs (deploy.aws.run_job)."""

    def __init__(self, scope: Construct, name: str, environment: Environment, network: Network, state: State) -> None:
        super().__init__(scope, name, env={"region": environment.region}, description="LedgerLink: cluster and jobs")
        self._network = network
        cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=environment.prefix,
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        self.place = Place(
            environment, state, cluster, log_group(self, "Logs", environment), log_group(self, "Metrics", environment)
        )
        for service in SERVICES:
            self._databases(state.databases[service])
            self._migrate(state.databases[service])
        self._provision()

    def _databases(self, database: Database) -> None:
        """Make a service's database and its roles, with the passwords that Secrets Manager made."""
        name = f"{database.service}-databases"
        task = new_task(self, name, CPU, MEMORY)
        administrator = database.administrator
        if administrator is None:
            raise ValueError(f"the database of {database.service} has no administrator's secret")
        prefix = database.service.upper()
        secrets = login(task, administrator) | {
            f"{prefix}_PASSWORD": read(task, database.runtime, "password"),
            f"{prefix}_OWNER_PASSWORD": read(task, database.owner, "password"),
        }
        environment = {
            "SERVICE": database.service,
            "PGHOST": database.instance.db_instance_endpoint_address,
            "PGPORT": str(POSTGRES),
        }
        images = self.place.state.images["ledgerlink-databases"]
        image = ecs.ContainerImage.from_ecr_repository(images, self.place.environment.image_tag)
        add_container(task, name, [], self.place, environment | verified(), secrets, image=image)
        self._tell(name, task, self._network.databases_job)

    def _migrate(self, database: Database) -> None:
        """Bring one database to the newest schema; a task for each, so that none knows another's owner."""
        name = f"{database.service}-migrate"
        task = new_task(self, name, CPU, MEMORY)
        environment = {f"{database.service.upper()}_MIGRATION_DATABASE_URL": database.url()} | verified()
        add_container(task, name, ["migrate", database.service], self.place, environment, login(task, database.owner))
        self._tell(name, task, self._network.migrations[database.service])

    def _provision(self) -> None:
        task = new_task(self, "provision", CPU, MEMORY)
        add_ours(task, PROVISIONER, ["provision"], self.place)
        self._tell("provision", task, self._network.processes[PROVISIONER])

    def _tell(self, name: str, task: ecs.FargateTaskDefinition, group: ec2.ISecurityGroup) -> None:
        """Say what `deploy.aws.run_job` needs to start the task."""
        subnets = self._network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS).subnet_ids
        CfnOutput(self, f"{name}-definition", value=task.task_definition_arn)
        CfnOutput(
            self, f"{name}-network", value=f"subnets=[{','.join(subnets)}],securityGroups=[{group.security_group_id}]"
        )
