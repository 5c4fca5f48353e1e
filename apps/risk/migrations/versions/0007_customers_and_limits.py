"""Customers, their tiers, limits, and what has been used of them."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE customer (
        user_id           uuid PRIMARY KEY,
        tier              text NOT NULL DEFAULT 'unverified',
        registered_at     timestamptz,
        email_verified_at timestamptz,
        role              text,
        role_since        timestamptz,
        set_tier          text,
        set_by            uuid,
        set_reason        text,
        set_at            timestamptz,
        CONSTRAINT customer_tier CHECK (tier IN ('unverified', 'verified', 'business')),
        CONSTRAINT customer_role CHECK (num_nulls(role, role_since) IN (0, 2)),
        CONSTRAINT customer_set CHECK (num_nulls(set_tier, set_by, set_reason, set_at) IN (0, 4)),
        CONSTRAINT customer_set_tier CHECK (set_tier = tier)
    )
    """,
    # Who has put whom into which tier, and why; none: into the one that follows from what identity tells.
    """
    CREATE TABLE tier_change (
        number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id    uuid NOT NULL,
        set_tier   text,
        set_by     uuid NOT NULL,
        reason     text NOT NULL,
        set_at     timestamptz NOT NULL,
        CONSTRAINT tier_change_tier CHECK (set_tier IN ('unverified', 'verified', 'business')),
        CONSTRAINT tier_change_second_person CHECK (set_by <> user_id)
    )
    """,
    "CREATE INDEX tier_change_user ON tier_change (user_id, number)",
    # In major units. The one of currency * holds for all that have none of their own.
    """
    CREATE TABLE tier_limit (
        tier        text NOT NULL,
        currency    text NOT NULL,
        per_payment bigint NOT NULL,
        per_day     bigint NOT NULL,
        per_month   bigint NOT NULL,
        changed_by  uuid,
        changed_at  timestamptz,
        CONSTRAINT tier_limit_tier CHECK (tier IN ('unverified', 'verified', 'business')),
        CONSTRAINT tier_limit_currency CHECK (currency = '*' OR currency ~ '^[A-Z]{3}$'),
        CONSTRAINT tier_limit_ascending
            CHECK (0 <= per_payment AND per_payment <= per_day AND per_day <= per_month AND per_month <= 100000000000),
        CONSTRAINT tier_limit_change CHECK (num_nulls(changed_by, changed_at) IN (0, 2)),
        PRIMARY KEY (tier, currency)
    )
    """,
    """
    INSERT INTO tier_limit (tier, currency, per_payment, per_day, per_month) VALUES
        ('unverified', '*', 10000, 50000, 200000),
        ('verified', '*', 25000, 100000, 500000),
        ('business', '*', 1000000, 10000000, 100000000)
    """,
    """
    CREATE TABLE limit_change (
        number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tier        text NOT NULL,
        currency    text NOT NULL,
        per_payment bigint NOT NULL,
        per_day     bigint NOT NULL,
        per_month   bigint NOT NULL,
        reason      text NOT NULL,
        changed_by  uuid NOT NULL,
        changed_at  timestamptz NOT NULL
    )
    """,
    # Approved money by the day (UTC) of its approval, in minor units. No index but the key changes with a payment, so
    # there is room beside rows for their next version.
    """
    CREATE TABLE limit_use (
        payer    uuid NOT NULL,
        currency text NOT NULL,
        day      date NOT NULL,
        used     bigint NOT NULL,
        CONSTRAINT limit_use_used CHECK (used >= 0),
        PRIMARY KEY (payer, currency, day)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX limit_use_age ON limit_use (day)",
    # The newest end of an attempt to pay: what was asked for before it counts no more than what was kept.
    """
    CREATE TABLE limit_release (
        payment_intent_id uuid PRIMARY KEY,
        ended_at          timestamptz NOT NULL,
        kept              bigint NOT NULL,
        CONSTRAINT limit_release_kept CHECK (kept >= 0)
    )
    """,
    "CREATE INDEX limit_release_age ON limit_release (ended_at)",
    "GRANT SELECT, INSERT ON customer, tier_change, tier_limit, limit_change, limit_use, limit_release TO risk",
    """
    GRANT UPDATE (tier, registered_at, email_verified_at, role, role_since, set_tier, set_by, set_reason, set_at)
        ON customer TO risk
    """,
    "GRANT UPDATE (per_payment, per_day, per_month, changed_by, changed_at) ON tier_limit TO risk",
    "GRANT UPDATE (used), DELETE ON limit_use TO risk",
    "GRANT UPDATE (ended_at, kept), DELETE ON limit_release TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
