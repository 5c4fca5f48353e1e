"""The ledger, and the tables of safe delivery.

The runtime role can only insert money rows. Four triggers verify, once per statement and over all its rows, what
constraints cannot say; so transfers, their entries, the accounts' balances and the ledger's head are written by one
statement, and no raw SQL under that role can unbalance the books.
"""

from alembic import op

from outbox.schema import install_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE ledger (
        id       smallint PRIMARY KEY,
        sequence bigint NOT NULL,
        CONSTRAINT ledger_is_one CHECK (id = 1),
        CONSTRAINT ledger_sequence CHECK (sequence >= 0)
    )
    """,
    "INSERT INTO ledger (id, sequence) VALUES (1, 0)",
    """
    CREATE TABLE account (
        id            uuid PRIMARY KEY,
        owner         uuid,
        kind          text NOT NULL,
        currency      text NOT NULL,
        balance       bigint NOT NULL DEFAULT 0,
        floor         bigint,
        last_sequence bigint,
        created_at    timestamptz NOT NULL,
        CONSTRAINT account_kind CHECK (
            (kind = 'wallet' AND owner IS NOT NULL AND floor = 0) OR
            (kind = 'clearing' AND owner IS NULL AND floor IS NULL)
        ),
        CONSTRAINT account_currency CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT account_floor CHECK (balance >= floor),
        CONSTRAINT account_untouched CHECK (balance = 0 OR last_sequence IS NOT NULL),
        CONSTRAINT account_id_currency UNIQUE (id, currency)
    ) WITH (fillfactor = 70)
    """,
    "CREATE UNIQUE INDEX account_clearing ON account (currency) WHERE kind = 'clearing'",
    "CREATE INDEX account_owner ON account (owner, created_at, id)",
    """
    CREATE TABLE transfer (
        id             uuid PRIMARY KEY,
        debit_account  uuid NOT NULL,
        credit_account uuid NOT NULL,
        amount         bigint NOT NULL,
        currency       text NOT NULL,
        reference      uuid,
        fingerprint    bytea NOT NULL,
        sequence       bigint NOT NULL,
        posted_at      timestamptz NOT NULL,
        CONSTRAINT transfer_amount CHECK (amount > 0 AND amount <= 1000000000000),
        CONSTRAINT transfer_accounts CHECK (debit_account <> credit_account),
        CONSTRAINT transfer_sequence CHECK (sequence > 0),
        CONSTRAINT transfer_order UNIQUE (sequence),
        CONSTRAINT transfer_debit_account FOREIGN KEY (debit_account, currency) REFERENCES account (id, currency),
        CONSTRAINT transfer_credit_account FOREIGN KEY (credit_account, currency) REFERENCES account (id, currency)
    )
    """,
    """
    CREATE TABLE entry (
        account_id    uuid NOT NULL,
        sequence      bigint NOT NULL,
        transfer_id   uuid NOT NULL,
        amount        bigint NOT NULL,
        balance_after bigint NOT NULL,
        posted_at     timestamptz NOT NULL,
        CONSTRAINT entry_amount CHECK (amount <> 0),
        PRIMARY KEY (account_id, sequence)
    )
    """,
    """
    CREATE TABLE refused_transfer (
        id          uuid PRIMARY KEY,
        reference   uuid,
        fingerprint bytea NOT NULL,
        code        text NOT NULL,
        detail      text NOT NULL,
        refused_at  timestamptz NOT NULL
    )
    """,
)

# Each function looks rows up by key, one index probe a row, in scalar subqueries that no planner turns into a scan of
# the table: plans are cached per session, and the first is made when the tables are empty.
VERIFY_TRANSFERS = """
CREATE FUNCTION verify_transfers() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    first bigint; last bigint; posted bigint;
BEGIN
    SELECT min(t.sequence), max(t.sequence), count(*) INTO first, last, posted FROM written t;
    IF posted = 0 THEN
        RETURN NULL;
    END IF;
    IF posted <> last - first + 1
       OR first > 1 AND NOT EXISTS (SELECT FROM transfer t WHERE t.sequence = first - 1)
       OR last <> (SELECT l.sequence FROM ledger l WHERE l.id = 1) THEN
        RAISE check_violation USING MESSAGE = 'transfers must continue the ledger without a gap, and move its head';
    END IF;
    IF EXISTS (
        SELECT FROM written t
        WHERE (SELECT e.amount FROM entry e
               WHERE e.account_id = t.debit_account AND e.sequence = t.sequence AND e.transfer_id = t.id)
              IS DISTINCT FROM -t.amount
           OR (SELECT e.amount FROM entry e
               WHERE e.account_id = t.credit_account AND e.sequence = t.sequence AND e.transfer_id = t.id)
              IS DISTINCT FROM t.amount
    ) THEN
        RAISE check_violation USING MESSAGE = 'a transfer must come with its two entries';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_ENTRIES = """
CREATE FUNCTION verify_entries() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written e
        WHERE (SELECT CASE e.account_id WHEN t.debit_account THEN -t.amount WHEN t.credit_account THEN t.amount END
               FROM transfer t
               WHERE t.id = e.transfer_id AND t.sequence = e.sequence AND t.posted_at = e.posted_at)
              IS DISTINCT FROM e.amount
    ) THEN
        RAISE check_violation USING MESSAGE = 'an entry must be one side of its transfer';
    END IF;
    IF EXISTS (
        SELECT FROM written e
        WHERE e.balance_after <> e.amount + coalesce(
            (SELECT p.balance_after FROM entry p
             WHERE p.account_id = e.account_id AND p.sequence < e.sequence ORDER BY p.sequence DESC LIMIT 1), 0)
    ) THEN
        RAISE check_violation USING MESSAGE = 'an entry must continue the balance of the entry before it';
    END IF;
    IF EXISTS (
        SELECT FROM written e
        WHERE (SELECT a.last_sequence >= e.sequence AND e.balance_after >= coalesce(a.floor, e.balance_after)
               FROM account a WHERE a.id = e.account_id) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'an entry must respect the floor of its account, and move its balance';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_ACCOUNTS = """
CREATE FUNCTION verify_accounts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written a
        WHERE NOT coalesce(
            (SELECT e.balance_after = a.balance AND e.sequence IS NOT DISTINCT FROM a.last_sequence FROM entry e
             WHERE e.account_id = a.id ORDER BY e.sequence DESC LIMIT 1), a.last_sequence IS NULL)
    ) THEN
        RAISE check_violation USING MESSAGE = 'the balance of an account must be that of its newest entry';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_LEDGER = """
CREATE FUNCTION verify_ledger() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF (SELECT l.sequence FROM ledger l WHERE l.id = 1)
       <> coalesce((SELECT t.sequence FROM transfer t ORDER BY t.sequence DESC LIMIT 1), 0) THEN
        RAISE check_violation USING MESSAGE = 'the head of the ledger must be its newest transfer';
    END IF;
    RETURN NULL;
END
$$
"""

TRIGGERS = (
    """
    CREATE TRIGGER verify_transfers AFTER INSERT ON transfer
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_transfers()
    """,
    """
    CREATE TRIGGER verify_entries AFTER INSERT ON entry
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_entries()
    """,
    """
    CREATE TRIGGER verify_accounts AFTER UPDATE ON account
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_accounts()
    """,
    "CREATE TRIGGER verify_ledger AFTER UPDATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION verify_ledger()",
)

GRANTS = (
    "GRANT SELECT, UPDATE (sequence) ON ledger TO wallet",
    "GRANT SELECT, UPDATE (balance, last_sequence) ON account TO wallet",
    "GRANT INSERT (id, owner, kind, currency, floor, created_at) ON account TO wallet",
    "GRANT SELECT, INSERT ON transfer, entry, refused_transfer TO wallet",
)


def upgrade() -> None:
    install_v1(op, "wallet")
    for statement in (
        *TABLES,
        VERIFY_TRANSFERS,
        VERIFY_ENTRIES,
        VERIFY_ACCOUNTS,
        VERIFY_LEDGER,
        *TRIGGERS,
        *GRANTS,
    ):
        op.execute(statement)
