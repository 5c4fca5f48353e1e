"""Reconciliation: external statements of clearing accounts, what of them matches the books, and what does not.

All but the reconciliation's own row is insert-only. A line is in one match, and so is an entry, over all statements of
its account: their primary keys say so.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE reconciliation (
        id              uuid PRIMARY KEY,
        account_id      uuid NOT NULL,
        currency        text NOT NULL,
        name            text NOT NULL,
        starts_on       date NOT NULL,
        ends_on         date NOT NULL,
        window_days     smallint NOT NULL,
        may_overlap     boolean NOT NULL,
        opening         bigint,
        closing         bigint,
        created_by      uuid NOT NULL,
        created_at      timestamptz NOT NULL,
        status          text NOT NULL,
        lines           integer,
        entries         integer,
        matched_at      timestamptz,
        breaks          integer,
        open_breaks     integer,
        open_difference numeric(30, 0),
        failure         text,
        CONSTRAINT reconciliation_account FOREIGN KEY (account_id, currency) REFERENCES account (id, currency),
        CONSTRAINT reconciliation_period CHECK (starts_on <= ends_on),
        CONSTRAINT reconciliation_days CHECK (starts_on >= '1970-01-01' AND ends_on <= '2100-12-31'),
        CONSTRAINT reconciliation_window CHECK (window_days BETWEEN 0 AND 10),
        CONSTRAINT reconciliation_balances CHECK ((opening IS NULL) = (closing IS NULL)),
        CONSTRAINT reconciliation_status CHECK (status IN ('importing', 'matching', 'matched', 'closed', 'failed')),
        CONSTRAINT reconciliation_closed CHECK (status <> 'closed' OR open_breaks = 0),
        CONSTRAINT reconciliation_open CHECK (open_breaks BETWEEN 0 AND breaks)
    )
    """,
    "CREATE INDEX reconciliation_account_age ON reconciliation (account_id, id)",
    "CREATE INDEX reconciliation_matching ON reconciliation (id) WHERE status = 'matching'",
    """
    CREATE TABLE statement_line (
        reconciliation_id uuid NOT NULL,
        number            integer NOT NULL,
        booked_on         date NOT NULL,
        amount            bigint NOT NULL,
        reference         text,
        key               uuid,
        description       text,
        external_id       text,
        CONSTRAINT statement_line_number CHECK (number > 0),
        CONSTRAINT statement_line_day CHECK (booked_on BETWEEN '1970-01-01' AND '2100-12-31'),
        CONSTRAINT statement_line_amount CHECK (amount <> 0 AND abs(amount) <= 1000000000000000),
        PRIMARY KEY (reconciliation_id, number)
    )
    """,
    # What the books had when they were matched: the entry's key is the name by which the statement knows it.
    """
    CREATE TABLE reconciled_entry (
        reconciliation_id uuid NOT NULL,
        sequence          bigint NOT NULL,
        effective_on      date NOT NULL,
        amount            bigint NOT NULL,
        key               uuid,
        PRIMARY KEY (reconciliation_id, sequence)
    )
    """,
    """
    CREATE TABLE line_match (
        reconciliation_id uuid NOT NULL,
        number            integer NOT NULL,
        sequence          bigint NOT NULL,
        rule              text NOT NULL,
        PRIMARY KEY (reconciliation_id, number)
    )
    """,
    """
    CREATE TABLE entry_match (
        account_id        uuid NOT NULL,
        sequence          bigint NOT NULL,
        reconciliation_id uuid NOT NULL,
        number            integer,
        rule              text NOT NULL,
        PRIMARY KEY (account_id, sequence)
    )
    """,
    """
    CREATE TABLE match_step (
        reconciliation_id uuid NOT NULL,
        step              smallint NOT NULL,
        rule              text NOT NULL,
        lines             integer NOT NULL,
        entries           integer NOT NULL,
        finished_at       timestamptz NOT NULL,
        PRIMARY KEY (reconciliation_id, step)
    )
    """,
    """
    CREATE TABLE reconciliation_break (
        reconciliation_id uuid NOT NULL,
        number            integer NOT NULL,
        kind              text NOT NULL,
        line              integer,
        sequence          bigint,
        difference        bigint NOT NULL,
        CONSTRAINT reconciliation_break_kind CHECK (
            kind = 'line_without_entry' AND line IS NOT NULL AND sequence IS NULL
            OR kind = 'entry_without_line' AND line IS NULL AND sequence IS NOT NULL
            OR kind = 'amount_differs' AND line IS NOT NULL AND sequence IS NOT NULL
        ),
        CONSTRAINT reconciliation_break_difference CHECK (difference <> 0),
        PRIMARY KEY (reconciliation_id, number)
    )
    """,
    """
    CREATE TABLE break_resolution (
        reconciliation_id uuid NOT NULL,
        number            integer NOT NULL,
        note              text NOT NULL,
        transfer_id       uuid,
        resolved_by       uuid NOT NULL,
        resolved_at       timestamptz NOT NULL,
        CONSTRAINT break_resolution_break FOREIGN KEY (reconciliation_id, number)
            REFERENCES reconciliation_break (reconciliation_id, number),
        CONSTRAINT break_resolution_transfer FOREIGN KEY (transfer_id) REFERENCES transfer (id),
        PRIMARY KEY (reconciliation_id, number)
    )
    """,
)

# As apps.wallet.domain.reconciliation.reference_key has it. One expression, which a query takes in as its own.
REFERENCE_KEY = """
CREATE FUNCTION reference_key(reference text) RETURNS uuid LANGUAGE sql STABLE
RETURN CASE
    WHEN lower(regexp_replace(reference, '[^A-Za-z0-9]+', '', 'g')) IN ('', 'notprovided', 'none', 'nonref') THEN NULL
    WHEN lower(regexp_replace(reference, '[^A-Za-z0-9]+', '', 'g')) ~ '^[0-9a-f]{32}$'
        THEN lower(regexp_replace(reference, '[^A-Za-z0-9]+', '', 'g'))::uuid
    ELSE substr(encode(sha256(decode(lower(regexp_replace(reference, '[^A-Za-z0-9]+', '', 'g')), 'escape')), 'hex'),
                1, 32)::uuid
END
"""

GRANTS = (
    """
    GRANT SELECT, INSERT ON reconciliation, statement_line, reconciled_entry, line_match, entry_match, match_step,
        reconciliation_break, break_resolution TO wallet
    """,
    """
    GRANT UPDATE (status, lines, entries, matched_at, breaks, open_breaks, open_difference, failure) ON reconciliation
        TO wallet
    """,
)


def upgrade() -> None:
    for statement in (*TABLES, REFERENCE_KEY, *GRANTS):
        op.execute(statement)
