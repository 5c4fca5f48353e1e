"""Names and birth dates of users, sealed under their keys."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # A table of its own: nothing that logs somebody in reads it. Who is erased loses row and key.
    """
    CREATE TABLE personal_detail (
        user_id uuid PRIMARY KEY REFERENCES user_account,
        sealed  bytea NOT NULL
    )
    """,
    "GRANT SELECT, INSERT, DELETE ON personal_detail TO identity",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
