"""What has been seen of payers, payees, devices, addresses, cards and pairs."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # Rows change with every payment and no index does, so there is room beside them for their next version.
    """
    CREATE TABLE feature_state (
        kind     smallint NOT NULL,
        entity   bytea NOT NULL,
        last_day integer NOT NULL,
        state    bytea NOT NULL,
        CONSTRAINT feature_state_entity CHECK (octet_length(entity) = 16),
        PRIMARY KEY (kind, entity)
    ) WITH (fillfactor = 60)
    """,
    "CREATE INDEX feature_state_age ON feature_state (last_day)",
    # What it held, hours at most, is counted there from now on.
    "DROP TABLE payer_minute",
    "GRANT SELECT, INSERT, UPDATE (last_day, state), DELETE ON feature_state TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
