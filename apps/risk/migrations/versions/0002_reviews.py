"""Reviews of payments by analysts."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE decision DROP CONSTRAINT decision_outcome",
    "ALTER TABLE decision ADD CONSTRAINT decision_outcome CHECK (outcome IN ('approve', 'decline', 'review'))",
    # What an analyst approves counts as money of that minute, and was an attempt of another one.
    "ALTER TABLE payer_minute DROP CONSTRAINT payer_minute_payments",
    "ALTER TABLE payer_minute ADD CONSTRAINT payer_minute_payments CHECK (payments >= 0)",
    """
    CREATE TABLE review (
        assessment_id      uuid PRIMARY KEY,
        payment_intent_id  uuid NOT NULL,
        source_wallet      uuid,
        destination_wallet uuid,
        amount             bigint NOT NULL,
        currency           text NOT NULL,
        direction          text NOT NULL,
        method             text NOT NULL,
        subject            text NOT NULL,
        is_open            boolean NOT NULL DEFAULT true,
        CONSTRAINT review_amount CHECK (amount > 0),
        CONSTRAINT review_decision FOREIGN KEY (assessment_id) REFERENCES decision
    )
    """,
    "CREATE INDEX review_payment_intent ON review (payment_intent_id, assessment_id)",
    "CREATE INDEX review_open ON review (assessment_id) WHERE is_open",
    """
    CREATE TABLE verdict (
        assessment_id uuid PRIMARY KEY,
        outcome       text NOT NULL,
        decided_by    uuid NOT NULL,
        note          text NOT NULL,
        decided_at    timestamptz NOT NULL,
        CONSTRAINT verdict_outcome CHECK (outcome IN ('approve', 'decline')),
        CONSTRAINT verdict_review FOREIGN KEY (assessment_id) REFERENCES review
    )
    """,
    "GRANT SELECT, INSERT, UPDATE (is_open) ON review TO risk",
    "GRANT SELECT, INSERT ON verdict TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
