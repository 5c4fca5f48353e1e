"""Where clients arrive: a load balancer that speaks TLS alone, behind a firewall."""

from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.findings import accept
from deploy.aws.firewall import Firewall
from deploy.aws.network import HTTP, HTTPS, Network
from deploy.aws.processes import PORT
from deploy.aws.retention import removal_policy
from gateway.probes import PROBES

IDLE = Duration.seconds(330)
"""Longer than an event stream lasts (GATEWAY_STREAM_SECONDS)."""


class Edge(Construct):
    """The balancer, its listeners, and the gateways behind it."""

    def __init__(
        self, scope: Construct, name: str, environment: Environment, network: Network, gateway: ecs.FargateService
    ) -> None:
        super().__init__(scope, name)
        self.balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            internet_facing=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_group=network.balancer,
            deletion_protection=environment.keeps_data,
            drop_invalid_header_fields=True,
            desync_mitigation_mode=elb.DesyncMitigationMode.STRICTEST,
            idle_timeout=IDLE,
        )
        self.balancer.log_access_logs(self._logs(environment))
        self.balancer.add_listener(
            "Http",
            port=HTTP,
            open=False,
            default_action=elb.ListenerAction.redirect(protocol="HTTPS", port=str(HTTPS), permanent=True),
        )
        self.gateways = self._targets(network, gateway)
        public = self.balancer.add_listener(
            "Https",
            port=HTTPS,
            open=False,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", environment.certificate_arn)],
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
            default_target_groups=[self.gateways],
        )
        public.add_action(
            "Probes",
            priority=1,
            conditions=[elb.ListenerCondition.path_patterns(sorted(PROBES))],
            action=elb.ListenerAction.fixed_response(404),
        )
        Firewall(self, "Firewall", environment, self.balancer.load_balancer_arn)

    def _targets(self, network: Network, gateway: ecs.FargateService) -> elb.ApplicationTargetGroup:
        return elb.ApplicationTargetGroup(
            self,
            "Gateways",
            vpc=network.vpc,
            port=PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[gateway],
            deregistration_delay=Duration.seconds(30),
            load_balancing_algorithm_type=elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            health_check=elb.HealthCheck(
                path="/readyz",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )

    def _logs(self, environment: Environment) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Logs",
            encryption=s3.BucketEncryption.S3_MANAGED,  # a load balancer can write to no other
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            removal_policy=removal_policy(environment),
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(environment.log_days),
                    noncurrent_version_expiration=Duration.days(1),
                )
            ],
        )
        accept(bucket, "It holds access logs itself.", "AwsSolutions-S1")
        return bucket
