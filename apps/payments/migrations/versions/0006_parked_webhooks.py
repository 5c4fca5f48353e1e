"""How webhooks that wait, or were given up, are found."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX inbound_webhook_parked ON inbound_webhook (status, id) WHERE status IN ('parked', 'attention')"
    )
