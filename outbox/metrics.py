"""Prometheus metrics of safe delivery. Labels are names fixed in code, never ids.

What an alert looks at is there with 0 before it happens first: an increase from nothing is none to Prometheus.
"""

from prometheus_client import Counter, Gauge, Histogram

CONSUMED_RESULTS = ("handled", "duplicate", "retried", "dead")
CONSUMED = Counter(
    "ledgerlink_consumed_messages_total",
    "Messages taken by a consumer, by what became of them",
    ["consumer", "result"],
)
BATCH_SIZE = Histogram(
    "ledgerlink_consumer_batch_messages",
    "Messages in a batch",
    ["consumer"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
BATCH_SECONDS = Histogram(
    "ledgerlink_consumer_batch_seconds",
    "From taking a batch to its acknowledgement",
    ["consumer"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
LATE_ANSWERS = Counter(
    "ledgerlink_late_answers_total",
    "Messages not answered in time: a stand-in went out, or a committed answer that the relay had not published",
    ["consumer", "answer"],
)
ANSWERED_BY = Counter(
    "ledgerlink_answers_by_deadline_total",
    "Messages with a deadline, by whether their answer was in the broker's hands by then, counted from their arrival",
    ["consumer", "when"],
)
JOB_FAILURES = Counter("ledgerlink_job_failures_total", "Runs of a recurring job that failed", ["task"])
QUERIES = Counter(
    "ledgerlink_answered_queries_total",
    "Queries answered, by outcome: completed, or the code of the refusal",
    ["subject", "outcome"],
)
QUERY_SECONDS = Histogram(
    "ledgerlink_answered_query_seconds",
    "From taking a query to its answer",
    ["subject"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
CONSUMER_LAG = Gauge(
    "ledgerlink_consumer_lag_messages", "Messages that are not delivered yet, or not acknowledged", ["consumer"]
)
CONSUMER_REDELIVERIES = Gauge(
    "ledgerlink_consumer_redelivered_messages", "Messages in hand that were delivered more than once", ["consumer"]
)
POOL_CONNECTIONS = Gauge("ledgerlink_database_pool_connections", "Connections to the database", ["state"])
POOL_LIMIT = Gauge("ledgerlink_database_pool_limit_connections", "Connections that the pool may have at most")
PUBLISHED = Counter("ledgerlink_relay_published_messages_total", "Messages the relay published", ["stream"])
PUBLISH_FAILURES = Counter("ledgerlink_relay_publish_failures_total", "Publishes that failed or timed out", ["stream"])
REWINDS = Counter("ledgerlink_relay_rewinds_total", "Times a stream had forgotten what was said", ["stream"])
OUTBOX_LAG = Gauge("ledgerlink_outbox_lag_messages", "Outbox rows that the relay has not published yet", ["stream"])
OUTBOX_LAG_SECONDS = Gauge(
    "ledgerlink_outbox_lag_seconds", "Age of the oldest outbox row that is not published yet", ["stream"]
)
RELAY_LEADER = Gauge("ledgerlink_relay_leader", "1 where this process is the one that publishes")
