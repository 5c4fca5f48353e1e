"""Prometheus metrics of the edge. Labels are route templates and names fixed in code, never ids."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "ledgerlink_http_requests_total",
    "Requests answered, by route template, method and status",
    ["route", "method", "status"],
)
REQUEST_SECONDS = Histogram(
    "ledgerlink_http_request_seconds",
    "From a request's headers to its answer",
    ["route", "method"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REQUESTS_IN_FLIGHT = Gauge("ledgerlink_http_requests_in_flight", "Requests that are not answered yet")
RATE_LIMIT_DECISIONS = Counter(
    "ledgerlink_rate_limit_decisions_total",
    "Requests admitted and refused, by where that was decided (redis, or this process while Redis is away)",
    ["store", "decision"],
)
RATE_LIMIT_REFUSALS = Counter(
    "ledgerlink_rate_limit_policy_refusals_total",
    "Times that a policy refused a request, or would have (mode: enforced, shadow)",
    ["policy", "mode"],
)
RATE_LIMIT_DEGRADED = Gauge("ledgerlink_rate_limit_degraded", "1 while Redis is away and each process limits alone")
COMMANDS_IN_FLIGHT = Gauge("ledgerlink_commands_in_flight", "Commands whose outcome is being waited for")
COMMAND_BACKLOG = Gauge(
    "ledgerlink_command_backlog",
    "Commands that wait for their service or are in its hands, by durable consumer; -1 while that is not known",
    ["durable"],
)
COMMANDS_TURNED_AWAY = Counter(
    "ledgerlink_commands_turned_away_total", "Commands that were not sent because too many wait already", ["durable"]
)
LOGINS_TURNED_AWAY = Counter(
    "ledgerlink_logins_turned_away_total", "Logins refused at the door while identity has as many as it can hash"
)
STREAMS_OPEN = Gauge("ledgerlink_event_streams_open", "Streams of server-sent events that are open")
COMMANDS_PUBLISHED = Counter("ledgerlink_commands_published_total", "Commands that JetStream took", ["stream"])
COMMAND_PUBLISH_FAILURES = Counter(
    "ledgerlink_command_publish_failures_total", "Publishes that failed and were tried again", ["stream"]
)
TOKEN_CHECKS = Counter("ledgerlink_token_checks_total", "Access tokens looked at, by result", ["result"])
REVOCATIONS_KNOWN = Gauge("ledgerlink_revocations_known", "Ended grants and raised versions that are remembered")
REVOCATIONS_AGE = Gauge("ledgerlink_revocations_age_seconds", "Seconds since which revocations may be unknown here")
PROOFS_DEGRADED = Gauge("ledgerlink_dpop_degraded", "1 while Redis is away and each process knows its own proofs only")
