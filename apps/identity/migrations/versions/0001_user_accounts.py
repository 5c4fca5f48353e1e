"""User accounts, and the tables of safe delivery."""

import sqlalchemy as sa
from alembic import op

from outbox.schema import install_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    install_v1(op, "identity")
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email = lower(email)", name="user_account_email_normalised"),
        sa.CheckConstraint("role IN ('customer', 'operator')", name="user_account_role"),
    )
    op.execute("GRANT SELECT, INSERT ON user_account TO identity")
