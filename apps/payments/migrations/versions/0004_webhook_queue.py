"""How webhook deliveries are found: what is due, endpoint by endpoint, and what has failed.

Each endpoint's due deliveries are looked up by themselves, so that thousands that wait for one dead endpoint are not
searched for the few that wait for another.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "DROP INDEX webhook_delivery_due",
    "CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_at) WHERE next_at IS NOT NULL",
    "CREATE INDEX webhook_delivery_failed ON webhook_delivery (endpoint_id, id) WHERE status = 'failed'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
