"""The whole life of a payment: methods, captures, refunds, disputes, operations, hops, and webhooks both ways.

What guards money is here: the sums on a payment's row can only hold together, in the transaction of their effect.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INTENT = (
    # What the consumers have consumed under the names that they had, they have consumed.
    """
    UPDATE inbox SET consumer = 'payments-commands'
    WHERE consumer IN ('payments-create-payment-intent', 'payments-confirm-payment-intent')
    """,
    "UPDATE inbox SET consumer = 'payments-ledger-outcome' WHERE consumer = 'payments-transfer-outcome'",
    """
    ALTER TABLE payment_intent
        DROP CONSTRAINT state_is_known,
        DROP CONSTRAINT wallets_differ,
        DROP CONSTRAINT attempt_starts_with_confirmation,
        DROP CONSTRAINT attempt_is_whole,
        DROP CONSTRAINT wait_for_risk_has_a_deadline,
        DROP CONSTRAINT failure_has_an_error,
        ALTER COLUMN source_wallet DROP NOT NULL,
        ALTER COLUMN destination_wallet DROP NOT NULL,
        ADD COLUMN merchant uuid,
        ADD COLUMN direction text NOT NULL DEFAULT 'payment',
        ADD COLUMN method json,
        ADD COLUMN processor text,
        ADD COLUMN capture_method text NOT NULL DEFAULT 'automatic',
        ADD COLUMN application_fee bigint NOT NULL DEFAULT 0,
        ADD COLUMN statement_descriptor text,
        ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN return_url text,
        ADD COLUMN country text,
        ADD COLUMN next_action json,
        ADD COLUMN cancellation_reason text,
        ADD COLUMN authorised bigint NOT NULL DEFAULT 0,
        ADD COLUMN capturing bigint NOT NULL DEFAULT 0,
        ADD COLUMN captured bigint NOT NULL DEFAULT 0,
        ADD COLUMN final_capture boolean NOT NULL DEFAULT false,
        ADD COLUMN refunding bigint NOT NULL DEFAULT 0,
        ADD COLUMN refunded bigint NOT NULL DEFAULT 0,
        ADD COLUMN disputed bigint NOT NULL DEFAULT 0,
        ADD COLUMN lost bigint NOT NULL DEFAULT 0,
        ADD COLUMN hold_id uuid,
        ADD COLUMN held_for text,
        ADD COLUMN authorisation text,
        ADD COLUMN capture_before timestamptz,
        ADD COLUMN awaited boolean NOT NULL DEFAULT false,
        ADD COLUMN hops integer NOT NULL DEFAULT 0
    """,
    """
    UPDATE payment_intent SET method = '{"type":"wallet"}',
           authorised = CASE WHEN state IN ('posting', 'succeeded') THEN amount ELSE 0 END,
           capturing = CASE state WHEN 'posting' THEN amount ELSE 0 END,
           captured = CASE state WHEN 'succeeded' THEN amount ELSE 0 END,
           final_capture = state IN ('posting', 'succeeded'),
           awaited = state IN ('assessing', 'posting'),
           deadline_at = CASE WHEN state IN ('requires_confirmation', 'requires_payment_method')
                              THEN now() + interval '30 days' ELSE deadline_at END
    """,
    """
    ALTER TABLE payment_intent
        ADD CONSTRAINT state_is_known CHECK (state IN (
            'requires_payment_method', 'requires_confirmation', 'assessing', 'in_review', 'reserving', 'authorising',
            'awaiting_action', 'requires_capture', 'capturing', 'posting', 'releasing', 'succeeded', 'canceled')),
        ADD CONSTRAINT direction_is_known CHECK (direction IN ('payment', 'top_up', 'payout')),
        ADD CONSTRAINT direction_has_its_wallets CHECK (
            CASE direction WHEN 'payout' THEN source_wallet IS NOT NULL AND destination_wallet IS NULL
                           ELSE destination_wallet IS NOT NULL AND (direction = 'payment' OR source_wallet IS NULL)
            END),
        ADD CONSTRAINT wallets_differ CHECK (source_wallet <> destination_wallet),
        ADD CONSTRAINT capture_method_is_known CHECK (capture_method IN ('automatic', 'manual')),
        ADD CONSTRAINT attempt_is_whole CHECK (
            attempt >= 0 AND num_nonnulls(assessment_id, transfer_id) = CASE attempt WHEN 0 THEN 0 ELSE 2 END),
        ADD CONSTRAINT who_waits_is_known CHECK (asked_by IS NOT NULL OR NOT (awaited OR attempt > 0)),
        ADD CONSTRAINT wait_for_risk_has_a_deadline CHECK (state <> 'assessing' OR deadline_at IS NOT NULL),
        ADD CONSTRAINT action_is_named CHECK (
            (state IN ('in_review', 'awaiting_action')) = (next_action IS NOT NULL)),
        ADD CONSTRAINT cancellation_has_a_reason CHECK ((state = 'canceled') <= (cancellation_reason IS NOT NULL)),
        ADD CONSTRAINT fee_is_part_of_the_amount CHECK (application_fee >= 0 AND application_fee <= amount),
        ADD CONSTRAINT capture_is_authorised CHECK (
            capturing >= 0 AND captured >= 0 AND captured + capturing <= authorised AND authorised <= amount),
        ADD CONSTRAINT nothing_goes_back_twice CHECK (
            refunding >= 0 AND refunded >= 0 AND disputed >= 0 AND lost >= 0
            AND refunding + refunded + disputed + lost <= captured),
        ADD CONSTRAINT success_is_captured CHECK (state <> 'succeeded' OR captured > 0)
    """,
    "CREATE INDEX payment_intent_customer ON payment_intent (customer, id)",
    "CREATE INDEX payment_intent_merchant ON payment_intent (merchant, id) WHERE merchant IS NOT NULL",
    "CREATE INDEX payment_intent_metadata ON payment_intent USING gin (metadata jsonb_path_ops)",
)

# What a payment has asked of the ledger or of a processor, under the id by which they know it: the transfer, hold or
# journal id, or the processor's idempotency key. `next_at` is when a worker has to act; null is nobody's turn.
OPERATION = (
    """
    CREATE TABLE operation (
        id          uuid PRIMARY KEY,
        intent_id   uuid NOT NULL REFERENCES payment_intent,
        subject_id  uuid NOT NULL,
        verb        text NOT NULL,
        processor   text,
        reference   text,
        amount      bigint NOT NULL,
        asked       json NOT NULL,
        status      text NOT NULL,
        problem     json,
        tries       integer NOT NULL DEFAULT 0,
        next_at     timestamptz,
        leased_by   uuid,
        asked_at    timestamptz NOT NULL,
        settled_at  timestamptz,
        CONSTRAINT verb_is_known CHECK (verb IN (
            'post', 'hold', 'capture_hold', 'void_hold',
            'charge', 'authorise', 'capture', 'void', 'refund', 'payout', 'evidence')),
        CONSTRAINT processor_is_asked_or_the_ledger CHECK (
            (processor IS NULL) = (verb IN ('post', 'hold', 'capture_hold', 'void_hold'))),
        CONSTRAINT status_is_known CHECK (status IN (
            'pending', 'unknown', 'requires_action', 'attention', 'succeeded', 'failed')),
        CONSTRAINT amount_is_in_range CHECK (amount > 0 AND amount <= 1000000000000),
        CONSTRAINT settled_is_over CHECK ((settled_at IS NOT NULL) = (status IN ('succeeded', 'failed'))),
        CONSTRAINT nobody_acts_on_what_is_settled CHECK (settled_at IS NULL OR next_at IS NULL)
    )
    """,
    "CREATE INDEX operation_due ON operation (processor, next_at) WHERE next_at IS NOT NULL",
    "CREATE INDEX operation_intent ON operation (intent_id)",
    "CREATE INDEX operation_reference ON operation (processor, reference) WHERE reference IS NOT NULL",
    "CREATE INDEX operation_settled ON operation (settled_at) WHERE settled_at IS NOT NULL",
    # One charge at a time: nothing else is tried while it is not known what became of one.
    """
    CREATE UNIQUE INDEX operation_at_processor ON operation (subject_id)
    WHERE processor IS NOT NULL AND settled_at IS NULL
    """,
    # Ledger operations are asked for one after the other, too.
    """
    CREATE UNIQUE INDEX operation_in_ledger ON operation (subject_id)
    WHERE processor IS NULL AND settled_at IS NULL
    """,
    # The transfers of payments that were confirmed before there were operations.
    """
    INSERT INTO operation (id, intent_id, subject_id, verb, amount, asked, status, asked_at, settled_at)
    SELECT transfer_id, id, id, 'post', amount,
           json_build_object(
               'transfer_id', transfer_id, 'debit_account', source_wallet, 'credit_account', destination_wallet,
               'amount', amount, 'currency', currency, 'authorised_by', customer, 'reference', id),
           CASE state WHEN 'succeeded' THEN 'succeeded' ELSE 'pending' END,
           updated_at, CASE state WHEN 'succeeded' THEN updated_at END
    FROM payment_intent WHERE state IN ('posting', 'succeeded')
    """,
)

REFUND = (
    """
    CREATE TABLE refund (
        id         uuid PRIMARY KEY,
        intent_id  uuid NOT NULL REFERENCES payment_intent,
        merchant   uuid NOT NULL,
        customer   uuid NOT NULL,
        amount     bigint NOT NULL,
        currency   char(3) NOT NULL,
        reason     text,
        metadata   jsonb NOT NULL DEFAULT '{}',
        stage      text NOT NULL,
        hold_id    uuid,
        failure    json,
        asked_by   json,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT stage_is_known CHECK (stage IN (
            'reserving', 'refunding', 'posting', 'releasing', 'succeeded', 'failed')),
        CONSTRAINT amount_is_in_range CHECK (amount > 0 AND amount <= 1000000000000),
        CONSTRAINT failure_has_a_reason CHECK ((stage IN ('releasing', 'failed')) = (failure IS NOT NULL))
    )
    """,
    "CREATE INDEX refund_intent ON refund (intent_id, id)",
    "CREATE INDEX refund_merchant ON refund (merchant, id)",
    "CREATE INDEX refund_customer ON refund (customer, id)",
)

DISPUTE = (
    """
    CREATE TABLE dispute (
        id              uuid PRIMARY KEY,
        intent_id       uuid NOT NULL REFERENCES payment_intent,
        merchant        uuid NOT NULL,
        customer        uuid NOT NULL,
        processor       text NOT NULL,
        reference       text NOT NULL,
        amount          bigint NOT NULL,
        contested       bigint NOT NULL,
        currency        char(3) NOT NULL,
        reason          text NOT NULL,
        status          text NOT NULL,
        funds           text NOT NULL,
        hold_id         uuid,
        evidence        json,
        evidence_due_by timestamptz,
        asked_by        json,
        created_at      timestamptz NOT NULL,
        updated_at      timestamptz NOT NULL,
        CONSTRAINT status_is_known CHECK (status IN ('needs_response', 'under_review', 'won', 'lost')),
        CONSTRAINT funds_are_somewhere CHECK (funds IN (
            'holding', 'held', 'unfunded', 'settling', 'taken', 'returned')),
        CONSTRAINT amount_is_in_range CHECK (amount > 0 AND contested >= 0 AND contested <= amount),
        CONSTRAINT one_dispute_once UNIQUE (processor, reference)
    )
    """,
    "CREATE INDEX dispute_intent ON dispute (intent_id, id)",
    "CREATE INDEX dispute_merchant ON dispute (merchant, id)",
    "CREATE INDEX dispute_customer ON dispute (customer, id)",
)

# Every hop of every payment; those with an event are also what webhooks and event streams tell.
HOP = (
    """
    CREATE TABLE hop (
        intent_id  uuid NOT NULL,
        number     integer NOT NULL,
        at         timestamptz NOT NULL,
        trigger    text NOT NULL,
        state      text NOT NULL,
        cause      uuid,
        operation  uuid,
        event_id   uuid,
        event      text,
        data       json,
        PRIMARY KEY (intent_id, number),
        CONSTRAINT hop_counts CHECK (number > 0),
        CONSTRAINT event_is_whole CHECK (num_nonnulls(event_id, event, data) IN (0, 3))
    )
    """,
    "CREATE INDEX hop_event ON hop (event_id) WHERE event_id IS NOT NULL",
    "CREATE INDEX hop_time ON hop (at) WHERE event_id IS NOT NULL",
)

INBOUND = (
    """
    CREATE TABLE inbound_webhook (
        id          uuid PRIMARY KEY,
        processor   text NOT NULL,
        event_id    text NOT NULL,
        kind        text NOT NULL,
        facts       json NOT NULL,
        headers     json NOT NULL,
        body        bytea NOT NULL,
        status      text NOT NULL,
        intent_id   uuid,
        tries       integer NOT NULL DEFAULT 0,
        next_at     timestamptz,
        received_at timestamptz NOT NULL,
        settled_at  timestamptz,
        CONSTRAINT status_is_known CHECK (status IN ('received', 'parked', 'applied', 'ignored', 'attention')),
        CONSTRAINT one_event_once UNIQUE (processor, event_id),
        CONSTRAINT due_while_unsettled CHECK ((next_at IS NOT NULL) = (status IN ('received', 'parked')))
    )
    """,
    "CREATE INDEX inbound_webhook_due ON inbound_webhook (next_at) WHERE next_at IS NOT NULL",
)

OUTBOUND = (
    """
    CREATE TABLE webhook_endpoint (
        id              uuid PRIMARY KEY,
        owner           uuid NOT NULL,
        url             text NOT NULL,
        events          text[] NOT NULL,
        description     text,
        status          text NOT NULL,
        disabled_reason text,
        secret          bytea NOT NULL,
        old_secret      bytea,
        old_until       timestamptz,
        failing_since   timestamptz,
        deleted_at      timestamptz,
        created_at      timestamptz NOT NULL,
        updated_at      timestamptz NOT NULL,
        CONSTRAINT status_is_known CHECK (status IN ('enabled', 'disabled')),
        CONSTRAINT old_secret_ends CHECK ((old_secret IS NULL) = (old_until IS NULL)),
        CONSTRAINT events_are_named CHECK (cardinality(events) BETWEEN 1 AND 20)
    )
    """,
    "CREATE INDEX webhook_endpoint_owner ON webhook_endpoint (owner, id) WHERE deleted_at IS NULL",
    # `line` orders: of one endpoint and one payment, only the first pending delivery may go.
    """
    CREATE TABLE webhook_delivery (
        id          uuid PRIMARY KEY,
        endpoint_id uuid NOT NULL REFERENCES webhook_endpoint,
        owner       uuid NOT NULL,
        event_id    uuid NOT NULL,
        event       text NOT NULL,
        intent_id   uuid,
        line        integer NOT NULL,
        body        text NOT NULL,
        status      text NOT NULL,
        tries       integer NOT NULL DEFAULT 0,
        next_at     timestamptz,
        created_at  timestamptz NOT NULL,
        settled_at  timestamptz,
        CONSTRAINT status_is_known CHECK (status IN ('pending', 'succeeded', 'failed')),
        CONSTRAINT due_while_pending CHECK ((next_at IS NOT NULL) = (status = 'pending'))
    )
    """,
    "CREATE INDEX webhook_delivery_due ON webhook_delivery (next_at) WHERE next_at IS NOT NULL",
    "CREATE INDEX webhook_delivery_line ON webhook_delivery (endpoint_id, intent_id, line) WHERE next_at IS NOT NULL",
    "CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (endpoint_id, id)",
    """
    CREATE TABLE webhook_attempt (
        delivery_id  uuid NOT NULL REFERENCES webhook_delivery,
        number       integer NOT NULL,
        at           timestamptz NOT NULL,
        status_code  integer,
        error        text,
        milliseconds integer NOT NULL,
        PRIMARY KEY (delivery_id, number)
    )
    """,
)

# What no constraint on one row can say. Sums are compared at the end of the transaction, and only where they moved.
GUARDS = (
    """
    CREATE FUNCTION refuse_to_go_back() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
    BEGIN
        RAISE EXCEPTION 'payment intent % cannot have moved less than it had, or be for something else', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'money_only_moves_on';
    END
    $$
    """,
    """
    CREATE TRIGGER money_only_moves_on BEFORE UPDATE ON payment_intent
    FOR EACH ROW WHEN (
        NEW.captured < OLD.captured OR NEW.refunded < OLD.refunded OR NEW.lost < OLD.lost
        OR ((NEW.amount, NEW.application_fee, NEW.source_wallet) IS DISTINCT FROM
            (OLD.amount, OLD.application_fee, OLD.source_wallet)
            AND OLD.state NOT IN ('requires_payment_method', 'requires_confirmation')))
    EXECUTE FUNCTION refuse_to_go_back()
    """,
    """
    CREATE FUNCTION verify_what_goes_back() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
        checked uuid := CASE TG_TABLE_NAME WHEN 'payment_intent' THEN (to_jsonb(NEW) ->> 'id')::uuid
                                           ELSE (to_jsonb(NEW) ->> 'intent_id')::uuid END;
        agrees boolean;
    BEGIN
        SELECT (p.refunding, p.refunded, p.disputed, p.lost) = (r.refunding, r.refunded, d.disputed, d.lost)
        INTO agrees
        FROM payment_intent AS p,
             LATERAL (SELECT coalesce(sum(amount) FILTER (WHERE stage NOT IN ('succeeded', 'failed')), 0) AS refunding,
                             coalesce(sum(amount) FILTER (WHERE stage = 'succeeded'), 0) AS refunded
                      FROM refund WHERE intent_id = p.id) AS r,
             LATERAL (SELECT coalesce(sum(contested) FILTER (WHERE funds NOT IN ('taken', 'returned')), 0) AS disputed,
                             coalesce(sum(contested) FILTER (WHERE funds = 'taken'), 0) AS lost
                      FROM dispute WHERE intent_id = p.id) AS d
        WHERE p.id = checked;
        IF NOT coalesce(agrees, false) THEN
            RAISE EXCEPTION 'payment intent % does not add up to its refunds and disputes', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'what_goes_back_adds_up';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE CONSTRAINT TRIGGER what_goes_back_adds_up AFTER UPDATE ON payment_intent DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        (NEW.refunding, NEW.refunded, NEW.disputed, NEW.lost) IS DISTINCT FROM
        (OLD.refunding, OLD.refunded, OLD.disputed, OLD.lost))
    EXECUTE FUNCTION verify_what_goes_back()
    """,
    """
    CREATE CONSTRAINT TRIGGER refund_adds_up AFTER INSERT OR UPDATE ON refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION verify_what_goes_back()
    """,
    """
    CREATE CONSTRAINT TRIGGER dispute_adds_up AFTER INSERT OR UPDATE ON dispute DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION verify_what_goes_back()
    """,
)

GRANTS = (
    """
    GRANT UPDATE (amount, method, source_wallet, processor, application_fee, description, statement_descriptor,
                  metadata, return_url, next_action, cancellation_reason, authorised, capturing, captured,
                  final_capture, refunding, refunded, disputed, lost, hold_id, held_for, authorisation, capture_before,
                  awaited, hops)
    ON payment_intent TO payments
    """,
    "GRANT SELECT, INSERT ON operation, refund, dispute, hop, inbound_webhook TO payments",
    "GRANT SELECT, INSERT ON webhook_endpoint, webhook_delivery, webhook_attempt TO payments",
    """
    GRANT UPDATE (reference, status, problem, tries, next_at, leased_by, settled_at) ON operation TO payments
    """,
    "GRANT UPDATE (stage, hold_id, failure, asked_by, updated_at) ON refund TO payments",
    """
    GRANT UPDATE (status, funds, hold_id, evidence, evidence_due_by, asked_by, updated_at) ON dispute TO payments
    """,
    "GRANT UPDATE (status, intent_id, tries, next_at, settled_at) ON inbound_webhook TO payments",
    """
    GRANT UPDATE (url, events, description, status, disabled_reason, secret, old_secret, old_until, failing_since,
                  deleted_at, updated_at)
    ON webhook_endpoint TO payments
    """,
    "GRANT UPDATE (status, tries, next_at, settled_at) ON webhook_delivery TO payments",
)


def upgrade() -> None:
    for statement in (*INTENT, *OPERATION, *REFUND, *DISPUTE, *HOP, *INBOUND, *OUTBOUND, *GUARDS, *GRANTS):
        op.execute(statement)
