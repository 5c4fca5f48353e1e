"""Matches that were withdrawn and return are others, with cases of their own; each knows by which lists it stands."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Of a subject and a party there is one that counts, beside any number of withdrawn ones.
INDEXES: tuple[str, ...] = (
    """
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS screening_current
        ON screening (subject, source, reference, party_hash) WHERE status <> 'withdrawn'
    """,
    """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS screening_of_subject
        ON screening (subject, source, reference, party_hash, id)
    """,
)

STATEMENTS: tuple[str, ...] = (
    # The newest version of the lists by which it was found, or withdrawn.
    "ALTER TABLE screening ADD COLUMN lists_version bigint NOT NULL DEFAULT 0",
    "GRANT UPDATE (lists_version) ON screening TO risk",
    """
    -- The unique index above takes its place.
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE screening DROP CONSTRAINT screening_pair
    """,
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for index in INDEXES:
            op.execute(index)
    for statement in STATEMENTS:
        op.execute(statement)
