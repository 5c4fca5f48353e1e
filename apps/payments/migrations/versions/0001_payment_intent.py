"""Payment intents.

Forward only: what a migration did is undone by the next one.
"""

from alembic import op

from outbox.schema import install_v1

revision = "0001"
down_revision = None

# Room in each page lets the later moves of a payment rewrite its row where it is, without touching an index.
PAYMENT_INTENT = """
CREATE TABLE payment_intent (
    id                 uuid        PRIMARY KEY,
    customer           uuid        NOT NULL,
    source_wallet      uuid        NOT NULL,
    destination_wallet uuid        NOT NULL,
    amount             bigint      NOT NULL,
    currency           char(3)     NOT NULL,
    description        text,
    state              text        NOT NULL,
    attempt            integer     NOT NULL,
    assessment_id      uuid,
    transfer_id        uuid,
    asked_by           json,
    last_payment_error json,
    deadline_at        timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT state_is_known CHECK (state IN (
        'requires_confirmation', 'assessing', 'posting', 'succeeded', 'requires_payment_method')),
    CONSTRAINT amount_is_in_range CHECK (amount > 0 AND amount <= 1000000000000),
    CONSTRAINT currency_is_a_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT wallets_differ CHECK (source_wallet <> destination_wallet),
    CONSTRAINT description_is_short CHECK (char_length(description) <= 500),
    CONSTRAINT attempt_starts_with_confirmation CHECK ((attempt = 0) = (state = 'requires_confirmation')),
    CONSTRAINT attempt_is_whole CHECK (
        attempt >= 0 AND num_nonnulls(assessment_id, transfer_id, asked_by) = CASE attempt WHEN 0 THEN 0 ELSE 3 END),
    CONSTRAINT wait_for_risk_has_a_deadline CHECK ((state = 'assessing') = (deadline_at IS NOT NULL)),
    CONSTRAINT failure_has_an_error CHECK ((state = 'requires_payment_method') = (last_payment_error IS NOT NULL))
) WITH (fillfactor = 70)
"""
DEADLINES = "CREATE INDEX payment_intent_deadline ON payment_intent (deadline_at) WHERE deadline_at IS NOT NULL"
READ_AND_ADD = "GRANT SELECT, INSERT ON payment_intent TO payments"
MOVE = """
GRANT UPDATE (state, attempt, assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, updated_at)
ON payment_intent TO payments
"""


def upgrade() -> None:
    install_v1(op, "payments")
    for statement in (PAYMENT_INTENT, DEADLINES, READ_AND_ADD, MOVE):
        op.execute(statement)
