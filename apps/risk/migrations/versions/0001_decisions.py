"""Decisions, what was seen of payers by the minute, and the tables of safe delivery."""

from alembic import op

from outbox.schema import install_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE payer_minute (
        payer    uuid NOT NULL,
        currency text NOT NULL,
        minute   integer NOT NULL,
        payments integer NOT NULL,
        amount   bigint NOT NULL,
        CONSTRAINT payer_minute_payments CHECK (payments > 0),
        CONSTRAINT payer_minute_amount CHECK (amount >= 0),
        PRIMARY KEY (payer, currency, minute)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX payer_minute_age ON payer_minute (minute)",
    """
    CREATE TABLE decision (
        assessment_id     uuid PRIMARY KEY,
        payment_intent_id uuid NOT NULL,
        payer             uuid NOT NULL,
        outcome           text NOT NULL,
        rules             jsonb NOT NULL,
        decided_at        timestamptz NOT NULL,
        CONSTRAINT decision_outcome CHECK (outcome IN ('approve', 'decline'))
    )
    """,
    "GRANT SELECT, INSERT, UPDATE (payments, amount), DELETE ON payer_minute TO risk",
    "GRANT SELECT, INSERT ON decision TO risk",
)


def upgrade() -> None:
    install_v1(op, "risk")
    for statement in STATEMENTS:
        op.execute(statement)
