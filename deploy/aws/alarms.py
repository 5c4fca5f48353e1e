"""What somebody is told about, by CloudWatch and mail: our own metrics (deploy.aws.watched), and AWS's."""

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from deploy.aws.broker import Broker
from deploy.aws.edge import Edge
from deploy.aws.environments import Environment
from deploy.aws.place import Place
from deploy.aws.processes import SERVICES
from deploy.aws.watched import MINUTE, WATCHED, Watched, measured

FREE_DISK = 10 * 2**30
"""Bytes. A database's disk grows by itself as long as it may."""
NODE_MEMORY = 90
ERRORS = 10
SLOW_SECONDS = 1.0
ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
LOUD = cloudwatch.TreatMissingData.BREACHING
LASTING, ONCE = (3, 5), (1, 1)
"""In how many of how many periods: minutes, of which one alone is no news, or longer ones."""


class Alarms(Construct):
    """A topic that mails, and the alarms that publish to it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        place: Place,
        services: Mapping[str, ecs.FargateService],
        edge: Edge,
        broker: Broker,
    ) -> None:
        super().__init__(scope, name)
        self._environment, self._topic = environment, self._new_topic(environment)
        self._edge(edge)
        for watched in WATCHED:
            for process in watched.processes:
                self._watch(watched, process)
        for service in SERVICES:
            self._database(service, place)
        for process, running in services.items():
            self._running(process, running.metric_cpu_utilization(period=MINUTE, statistic="SampleCount"))
        for node in broker.nodes:
            self._running(node.node.id, node.metric_memory_utilization(period=MINUTE, statistic="SampleCount"))
            memory = node.metric_memory_utilization(period=MINUTE, statistic="Maximum")
            self._alarm(f"{node.node.id}-memory", memory, NODE_MEMORY)
        self._failed_deployments()

    def _new_topic(self, environment: Environment) -> sns.Topic:
        """Return the topic, encrypted with a key that CloudWatch and EventBridge may use."""
        key = kms.Key(self, "Key", enable_key_rotation=True, description="LedgerLink's alarms")
        topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(environment.alarm_email))
        for service in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
            key.grant(iam.ServicePrincipal(service), "kms:Decrypt", "kms:GenerateDataKey*")
        return topic

    def _alarm(
        self,
        name: str,
        watched: cloudwatch.IMetric,
        threshold: float,
        comparison: cloudwatch.ComparisonOperator = ABOVE,
        missing: cloudwatch.TreatMissingData = QUIET,
        evaluated: tuple[int, int] = LASTING,
        description: str | None = None,
    ) -> None:
        """Tell when a metric is beyond its threshold in so many of so many periods, and when it is back."""
        datapoints, periods = evaluated
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._environment.prefix}-{name}",
            alarm_description=description,
            metric=watched,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            treat_missing_data=missing,
        )
        action = actions.SnsAction(self._topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)

    def _edge(self, edge: Edge) -> None:
        codes, seconds = edge.balancer.metrics, edge.gateways.metrics
        self._alarm("api-errors", _sum_of_errors(edge), ERRORS)
        self._alarm("balancer-rejects", codes.rejected_connection_count(period=MINUTE), 0)
        self._alarm("api-slow", seconds.target_response_time(period=MINUTE, statistic="p99"), SLOW_SECONDS)
        self._alarm("gateways-unhealthy", seconds.unhealthy_host_count(period=MINUTE, statistic="Maximum"), 0)

    def _watch(self, watched: Watched, process: str) -> None:
        self._alarm(
            f"{process}-{watched.alarm}",
            measured(watched, process, self._environment),
            watched.threshold,
            BELOW if watched.below else ABOVE,
            LOUD if watched.missing_is_bad else QUIET,
            ONCE if watched.counts else LASTING,
            f"The same as {watched.alert} of docs/runbooks/README.md",
        )

    def _database(self, service: str, place: Place) -> None:
        instance = place.state.databases[service].instance
        self._alarm(f"{service}-database-cpu", instance.metric_cpu_utilization(period=MINUTE), 80)
        self._alarm(f"{service}-database-disk", instance.metric_free_storage_space(period=MINUTE), FREE_DISK, BELOW)
        self._alarm(f"{service}-database-memory", instance.metric_freeable_memory(period=MINUTE), 100 * 2**20, BELOW)

    def _running(self, name: str, samples: cloudwatch.IMetric) -> None:
        """Tell when nothing of a service reports: tasks that do not run measure nothing."""
        self._alarm(f"{name}-down", samples, 1, BELOW, LOUD)

    def _failed_deployments(self) -> None:
        rule = events.Rule(
            self,
            "FailedDeployments",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Deployment State Change"],
                detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            ),
        )
        rule.add_target(targets.SnsTopic(self._topic))


def _sum_of_errors(edge: Edge) -> cloudwatch.MathExpression:
    """Return the answers that are our fault: the gateways' and the load balancer's own."""
    return cloudwatch.MathExpression(
        expression="FILL(ours, 0) + FILL(balancers, 0)",
        using_metrics={
            "ours": edge.gateways.metrics.http_code_target(
                elb.HttpCodeTarget.TARGET_5XX_COUNT, period=MINUTE, statistic="Sum"
            ),
            "balancers": edge.balancer.metrics.http_code_elb(
                elb.HttpCodeElb.ELB_5XX_COUNT, period=MINUTE, statistic="Sum"
            ),
        },
        period=MINUTE,
    )
