"""What payments are found by, and how far they are compared with the ledger.

A pair of an intent's metadata is a row under each of its parties, so that whoever looks for one reads no other's rows
and none of their own that lack it. (An index on the metadata itself would read every party's rows that have the pair.)
"""

from alembic import op

revision = "0003"
down_revision = "0002"

METADATA = (
    "DROP INDEX IF EXISTS payment_intent_metadata",
    """
    CREATE TABLE metadata_pair (
        party     uuid NOT NULL,
        pair      uuid NOT NULL,
        intent_id uuid NOT NULL,
        PRIMARY KEY (party, pair, intent_id)
    )
    """,
    # A name of fixed length for a pair; two pairs that share one are told apart by the metadata itself.
    """
    CREATE FUNCTION metadata_pairs(metadata jsonb) RETURNS SETOF uuid LANGUAGE sql IMMUTABLE STRICT ROWS 20
    SET search_path = pg_catalog AS $$
        SELECT md5(key || '=' || value)::uuid FROM jsonb_each_text(metadata)
    $$
    """,
    """
    CREATE FUNCTION keep_metadata_pairs() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            DELETE FROM metadata_pair m USING metadata_pairs(OLD.metadata) AS was (pair)
            WHERE m.party IN (OLD.customer, OLD.merchant) AND m.pair = was.pair AND m.intent_id = OLD.id;
        END IF;
        INSERT INTO metadata_pair (party, pair, intent_id)
        SELECT DISTINCT party, now.pair, NEW.id
        FROM metadata_pairs(NEW.metadata) AS now (pair), unnest(ARRAY[NEW.customer, NEW.merchant]) AS party
        WHERE party IS NOT NULL;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER metadata_is_found AFTER INSERT ON payment_intent
    FOR EACH ROW WHEN (NEW.metadata <> '{}') EXECUTE FUNCTION keep_metadata_pairs()
    """,
    """
    CREATE TRIGGER new_metadata_is_found AFTER UPDATE OF metadata ON payment_intent
    FOR EACH ROW WHEN (NEW.metadata <> OLD.metadata) EXECUTE FUNCTION keep_metadata_pairs()
    """,
    "GRANT SELECT, INSERT, DELETE ON metadata_pair TO payments",
)

LEDGER_CHECK = (
    # Where the comparison stands: the last operation that was compared, in the order in which they were settled.
    """
    CREATE TABLE ledger_check (
        id           smallint PRIMARY KEY CONSTRAINT ledger_check_is_one CHECK (id = 1),
        settled_at   timestamptz NOT NULL,
        operation_id uuid NOT NULL
    )
    """,
    "INSERT INTO ledger_check VALUES (1, '1970-01-01 00:00:00+00', '00000000-0000-0000-0000-000000000000')",
    # Insert-only: an operation is said to differ once.
    """
    CREATE TABLE ledger_difference (
        operation_id uuid PRIMARY KEY REFERENCES operation,
        intent_id    uuid NOT NULL REFERENCES payment_intent,
        difference   text NOT NULL,
        found_at     timestamptz NOT NULL,
        CONSTRAINT difference_is_short CHECK (char_length(difference) <= 500)
    )
    """,
    "DROP INDEX IF EXISTS operation_settled",
    "CREATE INDEX operation_settled ON operation (settled_at, id) WHERE settled_at IS NOT NULL",
    "GRANT SELECT, UPDATE ON ledger_check TO payments",
    "GRANT SELECT, INSERT ON ledger_difference TO payments",
)


def upgrade() -> None:
    for statement in (*METADATA, *LEDGER_CHECK):
        op.execute(statement)
