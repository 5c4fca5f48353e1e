"""Which trace a delivery belongs to: that of what its event follows from."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE webhook_delivery ADD COLUMN traceparent text")
