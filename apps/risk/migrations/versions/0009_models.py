"""Models that score."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # The document is text: the hash is of its very characters. The summary is what is shown of it in lists.
    """
    CREATE TABLE risk_model (
        position      bigint GENERATED ALWAYS AS IDENTITY,
        hash          text PRIMARY KEY,
        document      text NOT NULL,
        summary       jsonb NOT NULL,
        registered_by uuid NOT NULL,
        registered_at timestamptz NOT NULL,
        CONSTRAINT risk_model_hash CHECK (hash ~ '^[0-9a-f]{64}$'),
        CONSTRAINT risk_model_document CHECK (octet_length(document) <= 327680),
        CONSTRAINT risk_model_position UNIQUE (position),
        CONSTRAINT risk_model_author UNIQUE (hash, registered_by)
    )
    """,
    # Names the author too, so that the database itself keeps authors from approving.
    """
    CREATE TABLE model_approval (
        hash          text PRIMARY KEY,
        registered_by uuid NOT NULL,
        approved_by   uuid NOT NULL,
        approved_at   timestamptz NOT NULL,
        CONSTRAINT model_approval_model FOREIGN KEY (hash, registered_by) REFERENCES risk_model (hash, registered_by),
        CONSTRAINT model_approval_second_person CHECK (approved_by <> registered_by)
    )
    """,
    "GRANT SELECT, INSERT ON risk_model, model_approval TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
