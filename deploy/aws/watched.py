"""Which of our own metrics CloudWatch gets, each with the alarm that it is there for: each is paid for by the month.

They are those of deploy/prometheus/alerts.yml that tell of lost or stuck money and messages, with its thresholds; a
test compares them.
"""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from deploy.aws.environments import Environment
from deploy.aws.processes import SERVICES


@dataclass(frozen=True)
class Watched:
    """A metric, whose it is, and from where on somebody is told."""

    metric: str
    alert: str
    alarm: str
    processes: tuple[str, ...]
    threshold: int
    below: bool = False
    missing_is_bad: bool = False
    counts: bool = False
    """Whether it counts events, one of which is enough, or measures a state, which may last a moment."""
    label: tuple[str, str] | None = None
    """Only what has this label."""


LAG = "ledgerlink_consumer_lag_messages"
WATCHED = (
    Watched(LAG, "ConsumerBehind", "consumer-behind", SERVICES, 5000),
    Watched("ledgerlink_outbox_lag_seconds", "OutboxStuck", "outbox-stuck", SERVICES, 30),
    Watched("ledgerlink_relay_leader", "NoRelay", "no-relay", SERVICES, 1, below=True, missing_is_bad=True),
    Watched(
        "ledgerlink_consumed_messages_total",
        "DeadLetters",
        "dead-letters",
        SERVICES,
        0,
        counts=True,
        label=("result", "dead"),
    ),
    Watched("ledgerlink_audit_open_findings", "AuditFindings", "audit-findings", ("wallet",), 0),
    Watched(
        "ledgerlink_payments_known_ledger_differences", "LedgerDifferences", "ledger-differences", ("payments",), 0
    ),
    Watched("ledgerlink_unsealed_transfers", "LedgerUnsealed", "unsealed", ("wallet",), 100000),
    Watched("ledgerlink_payments_circuit_open", "ProcessorCircuitOpen", "circuit-open", ("payments",), 0),
    Watched("ledgerlink_rate_limit_degraded", "RateLimitsDegraded", "limits-degraded", ("gateway",), 0),
    Watched("ledgerlink_revocations_age_seconds", "RevocationsStale", "revocations-stale", ("gateway",), 20),
    Watched("ledgerlink_job_failures_total", "JobFails", "job-fails", SERVICES, 3, counts=True),
)
MINUTE, A_WHILE = Duration.minutes(1), Duration.minutes(15)


def namespace(environment: Environment) -> str:
    """Return the namespace of our metrics in CloudWatch."""
    return f"LedgerLink/{environment.name}"


def lag(process: str, environment: Environment) -> cloudwatch.Metric:
    """Return how many messages wait for the consumer of a process that is furthest behind."""
    return measured(WATCHED[0], process, environment)


def measured(watched: Watched, process: str, environment: Environment) -> cloudwatch.Metric:
    """Return what the collectors of a process send: the worst of a minute, or the events of a quarter of an hour."""
    return cloudwatch.Metric(
        namespace=namespace(environment),
        metric_name=watched.metric,
        dimensions_map={"process": process},
        statistic="Sum" if watched.counts else "Maximum",
        period=A_WHILE if watched.counts else MINUTE,
    )
