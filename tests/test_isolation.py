"""No service can touch another's data or speak in its name: its database role and its NATS user refuse (invariant 7).

What each may do is written out here by hand, on purpose: it is not derived from what is being tested.
"""

import asyncio
import json
import re

import asyncpg
import nats
import pytest

from contracts.topology import SERVICES, USERS
from tests.fresh_databases import FreshDatabaseFactory
from tests.servers import NatsServer

SPEAKS = {
    "gateway": {
        "identity.queries.register",
        "identity.queries.login",
        "identity.queries.refresh",
        "identity.queries.step_up",
        "identity.queries.sign_in",
        "identity.queries.redeem_code",
        "identity.queries.erase_user",
        "identity.queries.check_api_key",
        "identity.queries.rotate_signing_key",
        "identity.queries.list_security_events",
        "identity.queries.get_revocations",
        "identity.queries.get_signing_keys",
        "wallet.commands.open_account",
        "wallet.commands.fund_account",
        "wallet.commands.open_system_account",
        "wallet.commands.change_account",
        "wallet.commands.freeze_account",
        "wallet.commands.close_account",
        "wallet.commands.post_transfer",
        "wallet.commands.reverse_transfer",
        "wallet.commands.post_journal",
        "wallet.commands.place_hold",
        "wallet.commands.capture_hold",
        "wallet.commands.void_hold",
        "wallet.commands.extend_hold",
        "wallet.commands.close_period",
        "wallet.commands.start_reconciliation",
        "wallet.commands.import_lines",
        "wallet.commands.match_lines",
        "wallet.commands.resolve_break",
        "wallet.queries.get_accounts",
        "wallet.queries.list_accounts",
        "wallet.queries.list_entries",
        "wallet.queries.get_transfer",
        "wallet.queries.list_chart",
        "wallet.queries.list_transfers",
        "wallet.queries.get_journal",
        "wallet.queries.get_hold",
        "wallet.queries.list_holds",
        "wallet.queries.get_balance",
        "wallet.queries.get_balances",
        "wallet.queries.get_statement",
        "wallet.queries.list_periods",
        "wallet.queries.get_trial_balance",
        "wallet.queries.get_receipt",
        "wallet.queries.get_seal_keys",
        "wallet.queries.get_reconciliation",
        "wallet.queries.list_reconciliations",
        "wallet.queries.list_breaks",
        "wallet.queries.get_outcome",
        "risk.commands.decide_review",
        "risk.commands.add_list_entry",
        "risk.commands.remove_list_entry",
        "risk.commands.decide_screening",
        "risk.queries.list_list_entries",
        "risk.queries.list_screenings",
        "risk.queries.get_screening",
        "risk.queries.list_sanctions_lists",
        "risk.commands.register_model",
        "risk.commands.set_limit",
        "risk.commands.set_tier",
        "risk.queries.list_limits",
        "risk.queries.list_limit_changes",
        "risk.queries.get_customer",
        "risk.commands.approve_model",
        "risk.commands.draft_rule_set",
        "risk.commands.shadow_rule_set",
        "risk.commands.approve_rule_set",
        "risk.commands.activate_rule_set",
        "risk.commands.retire_rule_set",
        "risk.commands.roll_back_rules",
        "risk.commands.start_backtest",
        "risk.commands.cancel_backtest",
        "risk.queries.get_rule_set",
        "risk.queries.list_rule_sets",
        "risk.queries.list_shadow_flips",
        "risk.queries.get_backtest",
        "risk.queries.list_backtests",
        "risk.queries.list_backtest_flips",
        "risk.commands.claim_case",
        "risk.commands.release_case",
        "risk.commands.add_case_note",
        "risk.commands.add_case_evidence",
        "risk.commands.decide_case",
        "risk.commands.label_payment",
        "risk.commands.import_labels",
        "risk.queries.get_case",
        "risk.queries.list_cases",
        "risk.queries.list_case_events",
        "risk.queries.get_suspicious_activity_report",
        "risk.queries.get_label",
        "risk.queries.get_quality",
        "risk.queries.get_model",
        "risk.queries.list_models",
        "risk.queries.get_decision",
        "risk.queries.list_decisions",
        "risk.queries.list_reviews",
        "risk.queries.get_outcome",
        "payments.commands.create_payment_intent",
        "payments.commands.confirm_payment_intent",
        "payments.commands.settle_operation",
        "payments.queries.get_payment_intent",
        "payments.queries.get_processor_operation",
        "payments.queries.list_processor_operations",
        "payments.queries.list_parked_webhooks",
        "payments.queries.retry_webhook",
        "payments.queries.get_outcome",
    },
    "identity": {
        "identity.events.user.registered",
        "identity.events.user.status_changed",
        "identity.events.access.revoked",
        "identity.events.refresh_token.reused",
        "identity.events.signing_key.published",
        "identity.events.message.queued",
        "gateway.replies.any",
        "dlq.identity.any",
    },
    "wallet": {
        "wallet.events.account.opened",
        "wallet.events.transfer.posted",
        "wallet.events.transfer.refused",
        "wallet.events.account.changed",
        "wallet.events.journal.posted",
        "wallet.events.journal.refused",
        "wallet.events.hold.placed",
        "wallet.events.hold.captured",
        "wallet.events.hold.voided",
        "wallet.events.hold.extended",
        "wallet.events.hold.expired",
        "wallet.events.hold.refused",
        "wallet.events.period.closed",
        "wallet.events.reconciliation.matched",
        "wallet.events.reconciliation.failed",
        "wallet.events.break.resolved",
        "wallet.events.ledger.sealed",
        "wallet.events.ledger.audited",
        "gateway.replies.any",
        "dlq.wallet.any",
    },
    "payments": {
        "risk.commands.assess",
        "wallet.commands.post_transfer",
        "wallet.commands.post_journal",
        "wallet.commands.place_hold",
        "wallet.commands.capture_hold",
        "wallet.commands.void_hold",
        "wallet.queries.get_effects",
        "payments.events.payment_intent.succeeded",
        "payments.events.payment_intent.payment_failed",
        "gateway.replies.any",
        "dlq.payments.any",
    },
    "risk": {
        "risk.decisions.payments",
        # The names of customers, to screen them: asked of identity, in no stream.
        "identity.queries.get_screening_subjects",
        "risk.events.list_entry.added",
        "risk.events.list_entry.removed",
        "risk.events.screening.opened",
        "risk.events.screening.decided",
        "risk.events.sanctions_list.imported",
        "risk.events.model.registered",
        "risk.events.limit.changed",
        "risk.events.customer.tier_changed",
        "risk.events.model.approved",
        "risk.events.rule_set.drafted",
        "risk.events.rule_set.shadowed",
        "risk.events.rule_set.approved",
        "risk.events.rule_set.activated",
        "risk.events.rule_set.retired",
        "gateway.replies.any",
        "dlq.risk.any",
    },
    "provisioner": set[str](),
    # Gives dead letters to their consumers again, and says nothing in a service's name.
    "operator": {
        "replays.wallet.wallet-ledger",
        "replays.payments.payments-risk-decision",
        "replays.risk.risk-assess",
    },
}
"""User -> the message subjects it may publish to; every other subject of the system is refused."""
SUBJECTS = set().union(*SPEAKS.values())

LISTENS = {
    "identity": {
        "identity.queries.register",
        "identity.queries.login",
        "identity.queries.refresh",
        "identity.queries.step_up",
        "identity.queries.sign_in",
        "identity.queries.redeem_code",
        "identity.queries.erase_user",
        "identity.queries.check_api_key",
        "identity.queries.rotate_signing_key",
        "identity.queries.list_security_events",
        "identity.queries.get_revocations",
        "identity.queries.get_signing_keys",
        "identity.queries.get_screening_subjects",
    },
    "wallet": {
        "wallet.queries.get_accounts",
        "wallet.queries.list_accounts",
        "wallet.queries.list_entries",
        "wallet.queries.get_transfer",
        "wallet.queries.list_chart",
        "wallet.queries.list_transfers",
        "wallet.queries.get_journal",
        "wallet.queries.get_hold",
        "wallet.queries.list_holds",
        "wallet.queries.get_effects",
        "wallet.queries.get_balance",
        "wallet.queries.get_balances",
        "wallet.queries.get_statement",
        "wallet.queries.list_periods",
        "wallet.queries.get_trial_balance",
        "wallet.queries.get_receipt",
        "wallet.queries.get_seal_keys",
        "wallet.queries.get_reconciliation",
        "wallet.queries.list_reconciliations",
        "wallet.queries.list_breaks",
        "wallet.queries.get_outcome",
    },
    "payments": {
        "payments.queries.get_payment_intent",
        "payments.queries.get_processor_operation",
        "payments.queries.list_processor_operations",
        "payments.queries.list_parked_webhooks",
        "payments.queries.retry_webhook",
        "payments.queries.get_outcome",
    },
    "risk": {
        "risk.queries.list_list_entries",
        "risk.queries.list_screenings",
        "risk.queries.get_screening",
        "risk.queries.list_sanctions_lists",
        "risk.queries.list_limits",
        "risk.queries.get_suspicious_activity_report",
        "risk.queries.get_quality",
        "risk.queries.list_case_events",
        "risk.queries.get_case",
        "risk.queries.list_cases",
        "risk.queries.get_label",
        "risk.queries.list_limit_changes",
        "risk.queries.get_customer",
        "risk.queries.get_model",
        "risk.queries.list_models",
        "risk.queries.get_rule_set",
        "risk.queries.list_rule_sets",
        "risk.queries.list_shadow_flips",
        "risk.queries.get_backtest",
        "risk.queries.list_backtests",
        "risk.queries.list_backtest_flips",
        "risk.queries.get_decision",
        "risk.queries.list_decisions",
        "risk.queries.list_reviews",
        "risk.queries.get_outcome",
    },
    # What ends access, and which keys sign: heard as it is said, beside the streams.
    "gateway": {
        "gateway.replies.any",
        "gateway.replies.>",
        "identity.events.access.revoked",
        "identity.events.signing_key.published",
    },
    "provisioner": set[str](),
    "operator": set[str](),
}
"""User -> the subjects it may subscribe to besides its own inboxes; streams are read through durables only."""

READS = {
    "identity": set[str](),
    "wallet": {
        "WALLET_COMMANDS.wallet-open-account",
        "WALLET_COMMANDS.wallet-change-account",
        "WALLET_COMMANDS.wallet-close-period",
        "WALLET_COMMANDS.wallet-ledger",
        "WALLET_COMMANDS.wallet-import-statement",
        "WALLET_COMMANDS.wallet-resolve-break",
    },
    "payments": {
        "PAYMENTS_COMMANDS.payments-commands",
        "RISK_DECISIONS.payments-risk-decision",
        "WALLET_EVENTS.payments-ledger-outcome",
    },
    "risk": {
        "RISK_COMMANDS.risk-assess",
        "RISK_COMMANDS.risk-decide-review",
        "RISK_COMMANDS.risk-limits",
        "RISK_COMMANDS.risk-lists",
        "RISK_COMMANDS.risk-screenings",
        "RISK_COMMANDS.risk-models",
        "RISK_COMMANDS.risk-rule-sets",
        "RISK_COMMANDS.risk-backtests",
        "IDENTITY_EVENTS.risk-customers",
        "PAYMENTS_EVENTS.risk-payments",
    },
    "gateway": set[str](),
    "operator": set[str](),
}
"""User -> the durables it may pull from and acknowledge."""
DURABLES = set().union(*READS.values())

STREAM_CHANGES = (
    "$JS.API.STREAM.CREATE.WALLET_EVENTS",
    "$JS.API.STREAM.UPDATE.WALLET_EVENTS",
    "$JS.API.STREAM.DELETE.WALLET_EVENTS",
    "$JS.API.STREAM.PURGE.WALLET_EVENTS",
    "$JS.API.STREAM.MSG.DELETE.WALLET_EVENTS",
    "$JS.API.CONSUMER.CREATE.WALLET_EVENTS",
    "$JS.API.CONSUMER.CREATE.WALLET_EVENTS.mine.wallet.events.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.WALLET_EVENTS.mine",
    "$JS.API.CONSUMER.DELETE.WALLET_EVENTS.payments-ledger-outcome",
)
NOBODYS = "nobody.speaks.here"
DEADLINE = 5.0
_REFUSAL = re.compile(r'permissions violation for (?:publish|subscription) to "([^"]+)"')


async def _refused(server: NatsServer, user: str, *, publish: set[str], subscribe: set[str]) -> set[str]:
    """Return the subjects that the server refuses to `user`; its errors name them, in the order of the tries."""
    spelt = {subject.lower(): subject for subject in {*publish, *subscribe, NOBODYS}}  # nats-py lowers its errors
    refused: set[str] = set()
    complete = asyncio.Event()

    async def on_error(error: Exception) -> None:
        if found := _REFUSAL.search(str(error)):
            refused.add(spelt[found[1]])
            if found[1] == NOBODYS:
                complete.set()

    connection = await nats.connect(server.url, nkeys_seed_str=server.seeds[user], error_cb=on_error)
    for subject in sorted(subscribe):
        await connection.subscribe(subject)
    for subject in sorted(publish):
        await connection.publish(subject, b"{}")
    await connection.publish(NOBODYS, b"{}")
    async with asyncio.timeout(DEADLINE):
        await complete.wait()
    await connection.close()
    return refused - {NOBODYS}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_speaks_only_in_its_own_name(nats_server: NatsServer, user: str) -> None:
    assert await _refused(nats_server, user, publish=SUBJECTS, subscribe=set()) == SUBJECTS - SPEAKS[user]


@pytest.mark.parametrize("user", USERS)
async def test_a_user_overhears_nothing(nats_server: NatsServer, user: str) -> None:
    inboxes = {f"_INBOX_{other}.>" for other in USERS}
    wildcards = {">", "*.>", "_INBOX.>", "$JS.>", "wallet.>", "payments.events.>", "gateway.replies.>"}
    tried = SUBJECTS | inboxes | wildcards
    allowed = LISTENS[user] | {f"_INBOX_{user}.>"}
    assert await _refused(nats_server, user, publish=set(), subscribe=tried) == tried - allowed


@pytest.mark.parametrize("user", [*SERVICES, "gateway", "operator"])
async def test_a_user_reads_streams_through_its_own_durables_only(nats_server: NatsServer, user: str) -> None:
    def requests(durables: set[str]) -> set[str]:
        pulls = {f"$JS.API.CONSUMER.MSG.NEXT.{durable}" for durable in durables}
        return pulls | {f"$JS.ACK.{durable}.1.1.1.1.0" for durable in durables}

    refused = await _refused(nats_server, user, publish=requests(DURABLES), subscribe=set())
    assert refused == requests(DURABLES - READS[user])


@pytest.mark.parametrize("user", [*SERVICES, "gateway", "operator"])
async def test_nobody_but_the_provisioner_changes_streams_and_durables(nats_server: NatsServer, user: str) -> None:
    changes = set(STREAM_CHANGES)
    assert await _refused(nats_server, user, publish=changes, subscribe=set()) == changes


@pytest.mark.parametrize("user", [*SERVICES, "gateway"])
async def test_stored_messages_are_read_back_by_their_sender_only(nats_server: NatsServer, user: str) -> None:
    """A relay looks whether its stream still holds what it said; of other streams it sees nothing."""
    said = {
        "identity": {"IDENTITY_EVENTS", "DEAD_LETTERS"},
        "wallet": {"WALLET_EVENTS", "DEAD_LETTERS"},
        "payments": {"PAYMENTS_EVENTS", "RISK_COMMANDS", "WALLET_COMMANDS", "DEAD_LETTERS"},
        "risk": {"RISK_DECISIONS", "RISK_EVENTS", "DEAD_LETTERS"},
        "gateway": set[str](),
    }
    streams = {*set().union(*said.values()), "PAYMENTS_COMMANDS"}
    gets = {f"$JS.API.DIRECT.GET.{stream}" for stream in streams}
    raw = {f"$JS.API.STREAM.MSG.GET.{stream}" for stream in streams}
    refused = await _refused(nats_server, user, publish=gets | raw, subscribe=set())
    assert refused == raw | {f"$JS.API.DIRECT.GET.{stream}" for stream in streams - said[user]}


async def test_an_operator_looks_at_every_stream_and_removes_dead_letters_only(nats_server: NatsServer) -> None:
    looking = {
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.INFO.WALLET_COMMANDS",
        "$JS.API.CONSUMER.LIST.WALLET_COMMANDS",
        "$JS.API.CONSUMER.INFO.WALLET_COMMANDS.wallet-ledger",
        "$JS.API.DIRECT.GET.WALLET_COMMANDS",
        "$JS.API.STREAM.MSG.GET.WALLET_COMMANDS",
        "$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS",
    }
    assert await _refused(nats_server, "operator", publish=looking, subscribe=set()) == set()


@pytest.mark.parametrize("user", [*SERVICES, "gateway", "provisioner"])
async def test_nobody_but_an_operator_gives_dead_letters_again(nats_server: NatsServer, user: str) -> None:
    replays = {"replays.wallet.wallet-ledger", f"replays.{user}.any", "replays.>"}
    assert await _refused(nats_server, user, publish=replays - {"replays.>"}, subscribe=replays) == replays


@pytest.mark.parametrize("role", ["runtime", "owner"])
@pytest.mark.parametrize("service", SERVICES)
async def test_no_role_enters_another_services_database(
    fresh_database: FreshDatabaseFactory, service: str, role: str
) -> None:
    own = await fresh_database(service, migrated=False)
    url = own.url if role == "runtime" else own.owner_url
    for other in sorted({*SERVICES, "postgres", "template1"} - {service}):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(url.replace(f"/{own.name}", f"/{other}"))


DELIVERY = (
    "UPDATE outbox SET envelope = '{}'",
    "DELETE FROM outbox",
    "TRUNCATE outbox",
    "UPDATE inbox SET consumer = 'another'",
    "DELETE FROM inbox",
    "DELETE FROM idempotency_key",
    "UPDATE idempotency_key SET fingerprint = repeat('0', 64)",
    "DELETE FROM relay_cursor",
    "CREATE TABLE mine (id int)",
    "SET session_replication_role = replica",
)
FORBIDDEN = {
    "identity": (
        "UPDATE user_account SET id = gen_random_uuid()",
        "UPDATE user_account SET created_at = now()",
        "DELETE FROM user_account",
        "UPDATE security_event SET kind = 'logged_in'",
        "DELETE FROM security_event",
        "TRUNCATE security_event",
        "UPDATE signing_key SET sealed_private = ''",
        "UPDATE revocation SET version = 1",
        "UPDATE api_key SET scopes = '{users:manage}'",
        "UPDATE oauth_client SET scopes = '{users:manage}'",
        "UPDATE user_session SET scopes = '{users:manage}'",
        "UPDATE user_session SET user_id = gen_random_uuid()",
        "UPDATE passkey SET user_id = gen_random_uuid()",
        "DELETE FROM oauth_client",
        "UPDATE one_time_token SET user_id = gen_random_uuid()",
        "UPDATE one_time_token SET purpose = 'reset_password'",
        "DROP TRIGGER security_event_append_only ON security_event",
        "SET ROLE identity_owner",
    ),
    "wallet": (
        "UPDATE transfer SET amount = 1",
        "DELETE FROM transfer",
        "TRUNCATE transfer",
        "UPDATE transfer SET debit_balance = 1",
        "UPDATE refusal SET code = 'none'",
        "DELETE FROM refusal",
        "UPDATE journal SET transfers = 1",
        "DELETE FROM journal",
        "UPDATE exchange SET rate = 1",
        "DELETE FROM exchange",
        "UPDATE hold SET amount = 1",
        "DELETE FROM hold",
        "UPDATE hold_step SET held_after = 0",
        "DELETE FROM hold_step",
        "UPDATE account_change SET reason = ''",
        "DELETE FROM account_change",
        "UPDATE period SET ends_at = now()",
        "DELETE FROM period",
        "UPDATE backdated_total SET total = 0",
        "DELETE FROM backdated_total",
        "UPDATE reconciliation SET closing = 0",
        "DELETE FROM reconciliation",
        "UPDATE statement_line SET amount = 1",
        "DELETE FROM statement_line",
        "UPDATE line_match SET rule = 'exact'",
        "DELETE FROM line_match",
        "UPDATE entry_match SET rule = 'exact'",
        "DELETE FROM entry_match",
        "DELETE FROM reconciled_entry",
        "DELETE FROM match_step",
        "DELETE FROM reconciliation_break",
        "UPDATE break_resolution SET note = ''",
        "DELETE FROM break_resolution",
        "UPDATE account SET owner = gen_random_uuid()",
        "UPDATE account SET currency = 'USD'",
        "DELETE FROM account",
        "DELETE FROM ledger",
        "INSERT INTO ledger (id, sequence) VALUES (1, 0)",
        "ALTER TABLE transfer DISABLE TRIGGER ALL",
        "DROP VIEW entry",
        "SET ROLE wallet_owner",
    ),
    "payments": (
        "UPDATE payment_intent SET customer = gen_random_uuid()",
        "UPDATE payment_intent SET destination_wallet = gen_random_uuid()",
        "UPDATE payment_intent SET currency = 'USD'",
        "DELETE FROM payment_intent",
        "TRUNCATE payment_intent",
        "ALTER TABLE payment_intent DISABLE TRIGGER ALL",
        "UPDATE refund SET amount = 1",
        "DELETE FROM refund",
        "UPDATE dispute SET contested = 1",
        "DELETE FROM dispute",
        "UPDATE operation SET asked = '{}'",
        "UPDATE operation SET amount = 1",
        "DELETE FROM operation",
        "UPDATE hop SET data = '{}'",
        "DELETE FROM hop",
        "UPDATE inbound_webhook SET body = ''",
        "DELETE FROM inbound_webhook",
        "UPDATE webhook_delivery SET body = ''",
        "UPDATE webhook_attempt SET status_code = 200",
        "UPDATE ledger_difference SET difference = ''",
        "SET ROLE payments_owner",
    ),
    "risk": (
        "UPDATE decision SET outcome = 'approve'",
        "DELETE FROM decision",
        "TRUNCATE decision",
        "UPDATE review SET amount = 1",
        "DELETE FROM review",
        "UPDATE verdict SET outcome = 'approve'",
        "DELETE FROM verdict",
        "UPDATE risk_model SET document = '{}'",
        "UPDATE rule_set SET document = '{}'",
        "DELETE FROM rule_set",
        "UPDATE rule_set_event SET status = 'approved'",
        "DELETE FROM rule_set_event",
        "UPDATE activation SET rule_set = ''",
        "DELETE FROM activation",
        "UPDATE backtest SET rule_set = ''",
        "DELETE FROM backtest_flip",
        "DELETE FROM shadow_decision",
        "DELETE FROM model_approval",
        "UPDATE list_entry SET value = 'KP'",
        "DELETE FROM list_entry",
        "UPDATE list_removal SET reason = ''",
        "UPDATE sanctions_list SET parties = 1",
        "UPDATE listed_party SET names = '{}'",
        "UPDATE screening SET party_hash = ''",
        "DELETE FROM screening",
        "UPDATE screening_decision SET outcome = 'dismissed'",
        "DELETE FROM screening_decision",
        "DELETE FROM customer",
        "UPDATE tier_change SET reason = ''",
        "DELETE FROM tier_change",
        "DELETE FROM tier_limit",
        "UPDATE limit_change SET reason = ''",
        "DELETE FROM limit_change",
        "UPDATE limit_use SET day = '2000-01-01'",
        "SET ROLE risk_owner",
    ),
}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_runtime_role_cannot_rewrite_the_past(fresh_database: FreshDatabaseFactory, service: str) -> None:
    connection = await asyncpg.connect((await fresh_database(service)).url)
    try:
        for statement in (*DELIVERY, *FORBIDDEN[service]):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_what_the_runtime_role_may_change_is_written_down(
    fresh_database: FreshDatabaseFactory, service: str
) -> None:
    """A new table is insert-only until somebody says here why not."""
    changeable = {
        "identity": {
            "user_account": {
                "email",
                "password_hash",
                "role",
                "status",
                "version",
                "email_verified_at",
                "personal_key",
            },
            "failed_attempts": {"failures", "last_at"},
            "one_time_token": {"used_at"},
            "outgoing_message": {"user_id", "sealed", "attempts", "next_at", "sent_at"},
            "totp": {"sealed_secret", "created_at", "confirmed_at", "last_step"},
            "recovery_code": {"used_at"},
            "passkey": {"sign_count", "last_used_at"},
            "oauth_client": {"secret_hash", "deleted_at"},
            "api_key": {"expires_at"},
            "authorization_grant": {"answered_at", "code_hash", "expires_at", "redeemed_at", "session_id"},
            "user_session": {
                "generation",
                "replaced",
                "acr",
                "amr",
                "authenticated_at",
                "last_used_at",
                "expires_at",
                "ended_at",
                "end_reason",
            },
        },
        "wallet": {
            "ledger": {"sequence", "moved_at", "closed_until"},
            "account": {
                "balance",
                "last_sequence",
                "held",
                "hold_steps",
                "floor",
                "ceiling",
                "frozen",
                "closed_at",
                "external_id",
                "metadata",
                "changes",
            },
            "hold": {"captured", "remaining", "status", "expires_at", "steps"},
            "audit_round": {"number", "started_at", "walk", "position", "completed_at"},
            "audit_finding": {"round"},
            "reconciliation": {
                "status",
                "lines",
                "entries",
                "matched_at",
                "breaks",
                "open_breaks",
                "open_difference",
                "failure",
            },
        },
        "payments": {
            "payment_intent": {
                "state",
                "attempt",
                "assessment_id",
                "transfer_id",
                "asked_by",
                "last_payment_error",
                "deadline_at",
                "updated_at",
                # Until it is confirmed; a trigger says so.
                "amount",
                "method",
                "source_wallet",
                "application_fee",
                "description",
                "statement_descriptor",
                "metadata",
                "return_url",
                # By its machine
                "awaited",
                "processor",
                "next_action",
                "cancellation_reason",
                "authorised",
                "capturing",
                "captured",
                "final_capture",
                "refunding",
                "refunded",
                "disputed",
                "lost",
                "hold_id",
                "held_for",
                "authorisation",
                "capture_before",
                "hops",
            },
            "operation": {"reference", "status", "problem", "tries", "next_at", "leased_by", "settled_at"},
            "refund": {"stage", "hold_id", "failure", "asked_by", "updated_at"},
            "dispute": {"status", "funds", "hold_id", "evidence", "evidence_due_by", "asked_by", "updated_at"},
            "inbound_webhook": {"status", "intent_id", "tries", "next_at", "settled_at"},
            "webhook_endpoint": {
                "url",
                "events",
                "description",
                "status",
                "disabled_reason",
                "secret",
                "old_secret",
                "old_until",
                "failing_since",
                "deleted_at",
                "updated_at",
            },
            "webhook_delivery": {"status", "tries", "next_at", "settled_at"},
            "ledger_check": {"id", "settled_at", "operation_id"},
        },
        "risk": {
            "risk_case": {
                "status",
                "assignee",
                "claimed_until",
                "first_outcome",
                "first_by",
                "first_reason",
                "first_at",
                "last_outcome",
                "last_by",
                "last_reason",
                "last_at",
                "outcome",
                "closed_at",
                "events",
            },
            "label": {"label", "source", "assessment_id", "changed_at"},
            "label_statement": {"label", "stated_at", "is_final", "stated_by", "reference"},
            "backtest": {
                "status",
                "total",
                "reached",
                "tries",
                "judged",
                "not_judged",
                "flips",
                "flips_kept",
                "tally",
                "ended_at",
                "ended_by",
                "failure",
            },
            "shadow_tally": {"payments"},
            "feature_state": {"last_day", "state"},
            "list_entry": {"is_active"},
            "customer_screening": {"status", "screened_version", "screened_at"},
            "screening": {"status", "lists_version"},
            "review": {"is_open"},
            "customer": {
                "tier",
                "registered_at",
                "email_verified_at",
                "role",
                "role_since",
                "set_tier",
                "set_by",
                "set_reason",
                "set_at",
            },
            "tier_limit": {"per_payment", "per_day", "per_month", "changed_by", "changed_at"},
            "limit_use": {"used"},
            "limit_release": {"ended_at", "kept"},
            "moved_payment": {"settled_by"},
        },
    }[service] | {"relay_cursor": {"stream", "position", "incarnation", "sequence"}, "idempotency_key": {"answer"}}
    connection = await asyncpg.connect((await fresh_database(service)).url)
    try:
        found = json.loads(await connection.fetchval(_CHANGEABLE))
        deletable = json.loads(await connection.fetchval(_DELETABLE))
    finally:
        await connection.close()
    assert {table: set(columns) for table, columns in found.items()} == changeable
    # Of identity all that ends: its log of security events stays, and so do the accounts and clients it speaks of.
    ending = {
        "payments": {"metadata_pair"},
        "risk": {"backtest", "feature_state", "listed_party", "limit_use", "limit_release", "moved_payment"},
        "wallet": {"audit_finding"},
        "identity": {
            "answered_challenge",
            "api_key",
            "authorization_grant",
            "failed_attempts",
            "one_time_token",
            "outgoing_message",
            "passkey",
            "personal_detail",
            "recovery_code",
            "revocation",
            "signing_key",
            "totp",
            "user_session",
        },
    }
    assert set(deletable) == ending.get(service, set())


_CHANGEABLE = """
SELECT coalesce(json_object_agg(relname, columns), '{}') FROM (
    SELECT c.relname, json_agg(a.attname) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND has_column_privilege(c.oid, a.attnum, 'UPDATE')
    GROUP BY c.relname) AS changeable
"""
_DELETABLE = """
SELECT coalesce(json_agg(c.relname), '[]') FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND (has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))
"""
