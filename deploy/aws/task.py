"""A task of ours: one container as nobody in particular, on a file system that it cannot write to."""

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from deploy.aws.findings import accept
from deploy.aws.place import Place
from deploy.aws.processes import AUTHORITY, PORT, SERVICES, plain_settings, secret_keys
from deploy.aws.reading import let_decrypt, read
from deploy.aws.secret_names import AUTHORITY as AUTHORITY_SECRET

CERTIFICATES = "/etc/ssl/rds/global-bundle.pem"
"""RDS's certificates in our image (deploy/aws/images/ledgerlink)."""
STOPS_WITHIN = Duration.seconds(60)
READY = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/readyz', timeout=2)"


def new_task(scope: Construct, name: str, cpu: int, memory: int) -> ecs.FargateTaskDefinition:
    """Return an empty task with roles of its own; its containers can write to a /tmp and nowhere else."""
    task = ecs.FargateTaskDefinition(
        scope,
        f"{name}-task",
        cpu=cpu,
        memory_limit_mib=memory,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.X86_64, operating_system_family=ecs.OperatingSystemFamily.LINUX
        ),
    )
    task.add_volume(name="scratch")
    accept(task, "What is secret comes from Secrets Manager; these are names and numbers.", "AwsSolutions-ECS2")
    accept(_execution_role(task), "ECR's token is for the whole account.", "AwsSolutions-IAM5[Resource::*]")
    return task


def add_ours(
    task: ecs.FargateTaskDefinition, process: str, command: list[str], place: Place, *, health: bool = False
) -> ecs.ContainerDefinition:
    """Add the container of a process with its plain and its secret settings, and those of its database."""
    environment = plain_settings(process, place.environment, place.trusted)
    secrets = _secrets(task, process, place)
    if process in SERVICES:
        database = place.state.databases[process]
        environment |= {f"{process.upper()}_DATABASE_URL": database.url()} | verified()
        secrets |= login(task, database.runtime)
    if process == "gateway":
        environment["REDIS_ADDRESS"] = place.state.cache.address
        secrets["REDIS_PASSWORD"] = read(task, place.state.cache.password)
    return add_container(task, process, command, place, environment, secrets, health=health)


def add_container(
    task: ecs.FargateTaskDefinition,
    name: str,
    command: list[str],
    place: Place,
    environment: dict[str, str],
    secrets: dict[str, ecs.Secret],
    *,
    health: bool = False,
    image: ecs.ContainerImage | None = None,
) -> ecs.ContainerDefinition:
    """Add a container as the others are: its own log stream, a read-only file system, a time to stop."""
    container = task.add_container(
        name,
        image=image or place.image,
        command=command,
        environment=environment,
        secrets=secrets,
        readonly_root_filesystem=True,
        stop_timeout=STOPS_WITHIN,
        logging=ecs.LogDriver.aws_logs(stream_prefix=name, log_group=place.logs),
        linux_parameters=no_capabilities(task, name),
        health_check=_health_check() if health else None,
    )
    let_decrypt(task, place.state.key)
    container.add_mount_points(
        ecs.MountPoint(source_volume="scratch", container_path="/tmp", read_only=False)  # noqa: S108
    )
    return container


def login(task: ecs.TaskDefinition, secret: secretsmanager.ISecret) -> dict[str, ecs.Secret]:
    """Return user and password of a database's role, as libpq's variables, which asyncpg reads too."""
    return {
        "PGUSER": read(task, secret, "username"),
        "PGPASSWORD": read(task, secret, "password"),
    }


def verified() -> dict[str, str]:
    """Return how the database must prove who it is."""
    return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": CERTIFICATES}


def _secrets(task: ecs.TaskDefinition, process: str, place: Place) -> dict[str, ecs.Secret]:
    kept = place.state.secrets.of
    own = {name: read(task, kept[process], name) for name in secret_keys(process)}
    return own | {AUTHORITY: read(task, kept[AUTHORITY_SECRET], AUTHORITY)}


def no_capabilities(task: ecs.TaskDefinition, name: str) -> ecs.LinuxParameters:
    """Return that a container is none of what root is."""
    parameters = ecs.LinuxParameters(task, f"{name}-linux", init_process_enabled=True)
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters


def _health_check() -> ecs.HealthCheck:
    """Return the image's own check: ECS does not read it from there."""
    return ecs.HealthCheck(
        command=["CMD", "python", "-c", READY],
        interval=Duration.seconds(10),
        timeout=Duration.seconds(5),
        retries=6,
        start_period=Duration.seconds(60),
    )


def _execution_role(task: ecs.FargateTaskDefinition) -> iam.IRole:
    return task.obtain_execution_role()
