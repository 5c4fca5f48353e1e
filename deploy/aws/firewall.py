"""The firewall before the load balancer: AWS's managed rules, and a limit of requests of one address."""

from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from deploy.aws.environments import Environment
from deploy.aws.retention import removal_policy

MANAGED = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
)
# What these rules forbid is right here: uploaded statements and processors' webhooks are large (the gateway has its own
# limits), and an app on a person's own machine is sent back to http://127.0.0.1 (RFC 8252 §7.3).
COUNTED_ONLY = ("SizeRestrictions_BODY", "GenericRFI_BODY", "GenericRFI_QUERYARGUMENTS")
HIDDEN = ("authorization", "cookie", "dpop")
"""Headers that prove who somebody is never reach a log."""


class Firewall(Construct):
    """The rules, and a log of what they blocked."""

    def __init__(self, scope: Construct, name: str, environment: Environment, balancer_arn: str) -> None:
        super().__init__(scope, name)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("all"),
            rules=[_rate(environment), *(_managed(name, 1 + place) for place, name in enumerate(MANAGED))],
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=balancer_arn, web_acl_arn=acl.attr_arn)
        # WAF writes only to log groups whose names begin so.
        group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"aws-waf-logs-{environment.prefix}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=removal_policy(environment),
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[group.log_group_arn],
            logging_filter=_BLOCKED_ONLY,
            redacted_fields=[{"singleHeader": {"Name": header}} for header in HIDDEN],
        )


_BLOCKED_ONLY = {
    "DefaultBehavior": "DROP",
    "Filters": [
        {"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]}
    ],
}


def _rate(environment: Environment) -> waf.CfnWebACL.RuleProperty:
    """Refuse an address that asks too much: coarse, before anything of ours; the gateway's own limits are finer."""
    limit = waf.CfnWebACL.RateBasedStatementProperty(
        limit=environment.requests_per_5_minutes, aggregate_key_type="IP", evaluation_window_sec=300
    )
    return waf.CfnWebACL.RuleProperty(
        name="rate",
        priority=0,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=waf.CfnWebACL.StatementProperty(rate_based_statement=limit),
        visibility_config=_visible("rate"),
    )


def _managed(name: str, priority: int) -> waf.CfnWebACL.RuleProperty:
    counted = [
        waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={}))
        for rule in COUNTED_ONLY
        if name == "AWSManagedRulesCommonRuleSet"
    ]
    group = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS", name=name, rule_action_overrides=counted or None
    )
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
        visibility_config=_visible(name),
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
