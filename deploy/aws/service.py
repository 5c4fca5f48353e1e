"""One process of ours on Fargate: its task, its service, and when there are more or fewer tasks of it."""

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from deploy.aws.environments import Environment, Size
from deploy.aws.network import Network
from deploy.aws.place import Place
from deploy.aws.processes import PORT
from deploy.aws.task import add_ours, new_task
from deploy.aws.telemetry import add_collector
from deploy.aws.watched import lag

CPU_TARGET = 60
LAG_STEPS = ((0, 0), (1000, 1), (5000, 2))
"""From so many messages waiting, so many tasks more; below the first nothing: few tasks go when the CPU is idle."""


def add_service(
    scope: Construct, process: str, environment: Environment, network: Network, place: Place
) -> ecs.FargateService:
    """Add a process with its collector; rolled back by itself when its new tasks do not become healthy."""
    size = environment.processes[process]
    task = new_task(scope, process, size.cpu, size.memory)
    container = add_ours(task, process, ["run", process], place, health=True)
    container.add_port_mappings(ecs.PortMapping(container_port=PORT))
    add_collector(task, process, environment, place.logs, place.metrics)
    service = ecs.FargateService(
        scope,
        f"{process}-service",
        service_name=process,
        cluster=place.cluster,
        task_definition=task,
        desired_count=size.least,
        min_healthy_percent=100,
        max_healthy_percent=200,
        circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        security_groups=[network.processes[process]],
        assign_public_ip=False,
        enable_execute_command=False,
        propagate_tags=ecs.PropagatedTagSource.SERVICE,
        enable_ecs_managed_tags=True,
    )
    _scale(service, process, environment, size)
    return service


def _scale(service: ecs.FargateService, process: str, environment: Environment, size: Size) -> None:
    tasks = service.auto_scale_task_count(min_capacity=size.least, max_capacity=size.most)
    tasks.scale_on_cpu_utilization(
        "Cpu",
        target_utilization_percent=CPU_TARGET,
        scale_in_cooldown=Duration.minutes(5),
        scale_out_cooldown=Duration.minutes(1),
    )
    if process == "gateway":  # it consumes nothing that can lag
        return
    tasks.scale_on_metric(
        "Lag",
        metric=lag(process, environment),
        scaling_steps=[scaling.ScalingInterval(lower=lower, change=change) for lower, change in LAG_STEPS],
        adjustment_type=scaling.AdjustmentType.CHANGE_IN_CAPACITY,
        cooldown=Duration.minutes(2),
        evaluation_periods=2,
    )
