"""Operations that nobody could find out about: how they are found, and what operators say of them."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "CREATE INDEX operation_in_doubt ON operation (status, id) WHERE status IN ('unknown', 'attention')",
    # Insert-only: an operation is settled by hand once.
    """
    CREATE TABLE settlement (
        operation_id uuid PRIMARY KEY REFERENCES operation,
        outcome      text NOT NULL,
        reference    text,
        note         text NOT NULL,
        settled_by   uuid NOT NULL,
        settled_at   timestamptz NOT NULL,
        CONSTRAINT outcome_is_final CHECK (outcome IN ('succeeded', 'failed')),
        CONSTRAINT reference_is_short CHECK (char_length(reference) BETWEEN 1 AND 255),
        CONSTRAINT note_is_given CHECK (char_length(note) BETWEEN 1 AND 500)
    )
    """,
    "GRANT SELECT, INSERT ON settlement TO payments",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
