"""Payments whose money has moved although risk did not approve them, or has yet to decide."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # The attempt that moved it is the newest whose assessment is in the range: there is none before its decision. It is
    # settled once that is known, and counted then if it was not approved.
    """
    CREATE TABLE moved_payment (
        payment_intent_id uuid PRIMARY KEY,
        moved_at          timestamptz NOT NULL,
        amount            bigint NOT NULL,
        first_assessment  uuid NOT NULL,
        next_assessment   uuid NOT NULL,
        settled_by        uuid,
        CONSTRAINT moved_payment_amount CHECK (amount > 0)
    )
    """,
    "CREATE INDEX moved_payment_unsettled ON moved_payment (payment_intent_id) WHERE settled_by IS NULL",
    "CREATE INDEX moved_payment_age ON moved_payment (moved_at)",
    "GRANT SELECT, INSERT, DELETE ON moved_payment TO risk",
    "GRANT UPDATE (settled_by) ON moved_payment TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
