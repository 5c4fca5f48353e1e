"""The seven dashboards. Every query is tried on a running system (tests/test_dashboards.py)."""

from deploy.grafana.panels import Dashboard, Query, largest, last_day, lines, mean, per_second, quantile, stat, total

LOGIN = 'subject="identity.queries.login"'
PROCESSES = 'job=~"gateway|identity|wallet|payments|risk"'

OVERVIEW = Dashboard(
    "overview",
    "LedgerLink: overview",
    (
        stat("Processes up", "short", Query(f"sum(up{{{PROCESSES}}})")),
        stat("Alerts that fire", "short", Query('count(ALERTS{alertstate="firing"}) or vector(0)')),
        stat(
            "Error budget used, at this hour's rate",
            "percentunit",
            Query("slo:ledgerlink_http_errors:ratio_rate1h / 0.001"),
        ),
        stat("Payments later than a second", "percentunit", Query("slo:ledgerlink_slow_payments:ratio_rate1h")),
        stat("Dead letters in a day", "short", last_day("ledgerlink_consumed_messages_total", where='result="dead"')),
        stat("Contradictions in the ledger", "short", largest("ledgerlink_audit_open_findings")),
        lines("Requests", "reqps", per_second("ledgerlink_http_requests_total", "status")),
        lines(
            "Requests that we fail to answer",
            "percentunit",
            Query("slo:ledgerlink_http_errors:ratio_rate5m", "5 minutes"),
            Query("slo:ledgerlink_http_errors:ratio_rate1h", "1 hour"),
        ),
        lines(
            "Time to the answer",
            "s",
            quantile(0.5, "ledgerlink_http_request_seconds"),
            quantile(0.99, "ledgerlink_http_request_seconds"),
        ),
        lines("What becomes of payments", "ops", per_second("ledgerlink_payments_events_total", "event")),
        lines("Risk decides", "ops", per_second("ledgerlink_risk_decisions_total", "outcome")),
        lines("Ledger operations", "ops", per_second("ledgerlink_ledger_operations_total", "operation")),
        lines("Outbox: age of what is not published", "s", largest("ledgerlink_outbox_lag_seconds", "job")),
        lines("Messages that wait", "short", largest("ledgerlink_consumer_lag_messages", "consumer")),
        lines(
            "Slowest routes",
            "s",
            Query("topk(5, route:ledgerlink_http_request_seconds:p99_5m)", "{{method}} {{route}} p99"),
        ),
    ),
)
PAYMENTS = Dashboard(
    "payments",
    "LedgerLink: payments",
    (
        stat("Payments and ledger differ in", "short", largest("ledgerlink_payments_known_ledger_differences")),
        stat("Circuits open", "short", total("ledgerlink_payments_circuit_open")),
        stat("Not compared with the ledger since", "s", largest("ledgerlink_payments_ledger_check_behind_seconds")),
        lines(
            "What becomes of payments, refunds and disputes",
            "ops",
            per_second("ledgerlink_payments_events_total", "event"),
        ),
        lines(
            "Asked for over HTTP",
            "reqps",
            per_second(
                "ledgerlink_http_requests_total",
                "route",
                "status",
                where='route=~"/v1/(payment_intents|refunds|disputes).*",method="POST"',
            ),
        ),
        lines(
            "Time to a payment's answer",
            "s",
            *(
                quantile(q, "ledgerlink_http_request_seconds", where='route="/v1/payment_intents",method="POST"')
                for q in (0.5, 0.95, 0.99)
            ),
        ),
        lines(
            "Calls to processors",
            "ops",
            per_second("ledgerlink_payments_processor_calls_total", "processor", "verb", "status"),
        ),
        lines(
            "Time of a call",
            "s",
            *(quantile(q, "ledgerlink_payments_processor_call_seconds", "processor") for q in (0.5, 0.99)),
        ),
        lines("Circuit open", "short", largest("ledgerlink_payments_circuit_open", "processor")),
        lines(
            "Webhooks from processors",
            "ops",
            per_second("ledgerlink_payments_webhooks_received_total", "processor", "result"),
        ),
        lines(
            "What became of them",
            "ops",
            per_second("ledgerlink_payments_webhooks_looked_at_total", "processor", "status"),
        ),
        lines("Operations compared with the ledger", "ops", per_second("ledgerlink_payments_checked_operations_total")),
        lines("Attempts to deliver webhooks", "ops", per_second("ledgerlink_webhook_attempts_total", "result")),
        lines(
            "From an event to the first attempt",
            "s",
            *(quantile(q, "ledgerlink_webhook_first_attempt_seconds") for q in (0.5, 0.9, 0.99)),
        ),
        lines("Attempts under way", "short", total("ledgerlink_webhook_attempts_in_hand", "lane")),
    ),
)
LEDGER = Dashboard(
    "ledger",
    "LedgerLink: ledger",
    (
        stat("Contradictions found by the audit", "short", largest("ledgerlink_audit_open_findings")),
        stat(
            "Since the last whole round", "s", Query("time() - max(ledgerlink_audit_completed_timestamp_seconds > 0)")
        ),
        stat("Transfers not sealed", "short", largest("ledgerlink_unsealed_transfers")),
        stat("Reconciliation differences in a day", "short", last_day("ledgerlink_reconciliation_breaks_total")),
        lines("Operations", "ops", per_second("ledgerlink_ledger_operations_total", "operation")),
        lines(
            "By outcome: done, or the refusal's code",
            "ops",
            per_second("ledgerlink_ledger_operations_total", "outcome"),
        ),
        lines("Holds whose time was over", "ops", per_second("ledgerlink_ledger_hold_expiries_total")),
        lines(
            "Operations in a batch",
            "short",
            mean("ledgerlink_consumer_batch_messages", where='consumer="wallet-ledger"'),
        ),
        lines(
            "Time of a batch",
            "s",
            *(quantile(q, "ledgerlink_consumer_batch_seconds", where='consumer="wallet-ledger"') for q in (0.5, 0.99)),
        ),
        lines(
            "Commands that wait for the ledger",
            "short",
            largest("ledgerlink_consumer_lag_messages", where='consumer="wallet-ledger"'),
        ),
        lines("Rows proved by the audit", "ops", per_second("ledgerlink_audit_rows_total", "walk")),
        lines("Audit slices given up", "ops", per_second("ledgerlink_audit_interrupted_total")),
        lines("Seals", "ops", per_second("ledgerlink_seals_total")),
    ),
)
MESSAGING = Dashboard(
    "messaging",
    "LedgerLink: messaging",
    (
        stat("Oldest row not published", "s", largest("ledgerlink_outbox_lag_seconds")),
        stat("Rows not published", "short", total("ledgerlink_outbox_lag_messages")),
        stat("Messages that wait", "short", total("ledgerlink_consumer_lag_messages")),
        stat("Dead letters in a day", "short", last_day("ledgerlink_consumed_messages_total", where='result="dead"')),
        stat("Streams that forgot in a day", "short", last_day("ledgerlink_relay_rewinds_total")),
        stat("Services that publish", "short", total("ledgerlink_relay_leader")),
        lines("Outbox: rows not published", "short", largest("ledgerlink_outbox_lag_messages", "job", "stream")),
        lines("Outbox: age of the oldest", "s", largest("ledgerlink_outbox_lag_seconds", "job", "stream")),
        lines("Published", "ops", per_second("ledgerlink_relay_published_messages_total", "job", "stream")),
        lines("Consumers: messages that wait", "short", largest("ledgerlink_consumer_lag_messages", "consumer")),
        lines("Handled", "ops", per_second("ledgerlink_consumed_messages_total", "consumer", where='result="handled"')),
        lines(
            "Dead letters", "ops", per_second("ledgerlink_consumed_messages_total", "consumer", where='result="dead"')
        ),
        lines(
            "Tried again, and seen before",
            "ops",
            per_second("ledgerlink_consumed_messages_total", "consumer", "result", where='result=~"retried|duplicate"'),
        ),
        lines(
            "Delivered more than once and in hand",
            "short",
            largest("ledgerlink_consumer_redelivered_messages", "consumer"),
        ),
        lines("Publishing fails", "ops", per_second("ledgerlink_relay_publish_failures_total", "job", "stream")),
        lines("Messages in a batch", "short", mean("ledgerlink_consumer_batch_messages", "consumer")),
        lines("Time of a batch, p99", "s", quantile(0.99, "ledgerlink_consumer_batch_seconds", "consumer")),
        lines("Streams that forgot", "ops", per_second("ledgerlink_relay_rewinds_total", "job", "stream")),
        lines("Commands from the gateway", "ops", per_second("ledgerlink_commands_published_total", "stream")),
        lines("Commands that wait", "short", largest("ledgerlink_command_backlog", "durable")),
        lines("Commands turned away", "ops", per_second("ledgerlink_commands_turned_away_total", "durable")),
    ),
)
IDENTITY = Dashboard(
    "identity",
    "LedgerLink: identity",
    (
        lines("Logins", "ops", per_second("ledgerlink_answered_queries_total", "outcome", where=LOGIN)),
        lines(
            "Time of a login",
            "s",
            *(quantile(q, "ledgerlink_answered_query_seconds", where=LOGIN) for q in (0.5, 0.99)),
        ),
        lines("Logins turned away at the door", "ops", per_second("ledgerlink_logins_turned_away_total")),
        lines("Refresh tokens", "ops", per_second("ledgerlink_refresh_tokens_presented_total", "verdict")),
        lines("Access tokens, looked at by gateways", "ops", per_second("ledgerlink_token_checks_total", "result")),
        lines(
            "Revocations: known, and unknown since",
            "short",
            largest("ledgerlink_revocations_known"),
            largest("ledgerlink_revocations_age_seconds"),
        ),
        lines("Requests", "ops", per_second("ledgerlink_answered_queries_total", "subject", where='job="identity"')),
        lines(
            "Time of a request, p99",
            "s",
            quantile(0.99, "ledgerlink_answered_query_seconds", "subject", where='job="identity"'),
        ),
        lines("Messages to users", "ops", per_second("ledgerlink_messages_total", "purpose", "result")),
    ),
)
RISK = Dashboard(
    "risk",
    "LedgerLink: risk",
    (
        stat("Cases that wait", "short", total("ledgerlink_risk_cases_waiting")),
        stat("Cases overdue", "short", total("ledgerlink_risk_cases_overdue")),
        stat("Degraded answers in a day", "short", last_day("ledgerlink_risk_degraded_answers_total")),
        stat("Decided otherwise afterwards", "short", last_day("ledgerlink_risk_degraded_answers_different_total")),
        lines("Decisions", "ops", per_second("ledgerlink_risk_decisions_total", "outcome")),
        lines(
            "From request to decision",
            "s",
            *(quantile(q, "ledgerlink_risk_decision_seconds") for q in (0.5, 0.95, 0.99)),
        ),
        lines("Answered by the deadline", "ops", per_second("ledgerlink_answers_by_deadline_total", "when")),
        lines("Degraded answers", "ops", per_second("ledgerlink_risk_degraded_answers_total", "outcome")),
        lines("Cases that wait", "short", largest("ledgerlink_risk_cases_waiting", "kind")),
        lines("Cases overdue", "short", largest("ledgerlink_risk_cases_overdue", "kind")),
        lines(
            "Payments in a batch", "short", mean("ledgerlink_consumer_batch_messages", where='consumer="risk-assess"')
        ),
        lines("Batches decided by the rules of before", "ops", per_second("ledgerlink_risk_rule_set_not_usable_total")),
        lines("Payments that shadows did not judge", "ops", per_second("ledgerlink_risk_shadow_not_judged_total")),
    ),
)
INFRASTRUCTURE = Dashboard(
    "infrastructure",
    "LedgerLink: infrastructure",
    (
        lines("Up", "short", Query(f"up{{{PROCESSES}}}", "{{job}} {{instance}}")),
        lines("Processor time", "percentunit", per_second("process_cpu_seconds_total", "job")),
        lines("Memory", "bytes", total("process_resident_memory_bytes", "job")),
        lines("Database connections", "short", total("ledgerlink_database_pool_connections", "job", "state")),
        lines("Database connections, most", "short", total("ledgerlink_database_pool_limit_connections", "job")),
        lines("Jobs that fail", "ops", per_second("ledgerlink_job_failures_total", "job", "task")),
        lines("Requests in flight", "short", total("ledgerlink_http_requests_in_flight")),
        lines("Commands waited for", "short", total("ledgerlink_commands_in_flight")),
        lines("Event streams open", "short", total("ledgerlink_event_streams_open")),
        lines("Rate limits", "ops", per_second("ledgerlink_rate_limit_decisions_total", "store", "decision")),
        lines("Redis is away", "short", largest("ledgerlink_rate_limit_degraded"), largest("ledgerlink_dpop_degraded")),
        lines("Open files", "short", total("process_open_fds", "job")),
        lines("Time of a scrape", "s", Query(f"scrape_duration_seconds{{{PROCESSES}}}", "{{job}}")),
        lines("Garbage collections", "ops", per_second("python_gc_collections_total", "job")),
    ),
)
DASHBOARDS = (OVERVIEW, PAYMENTS, LEDGER, MESSAGING, IDENTITY, RISK, INFRASTRUCTURE)
