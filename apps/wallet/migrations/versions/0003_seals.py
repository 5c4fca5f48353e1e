"""Seals: a chain of signed Merkle roots over the ledger, made off the hot path.

A seal covers the entries of a range of transfers, and the records of a range of transactions: what is written once and
no sum can prove (who owns an account, why it was frozen, what was refused). `recorded_in` is the transaction that wrote
such a record, so that seals neither overlap nor skip anything: no transaction below `pg_snapshot_xmin` writes any more.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RECORDS = (
    "ALTER TABLE account_change ADD COLUMN recorded_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint",
    "ALTER TABLE hold_step ADD COLUMN recorded_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint",
    "ALTER TABLE period ADD COLUMN recorded_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint",
    "ALTER TABLE refusal ADD COLUMN recorded_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint",
    "CREATE INDEX account_change_recorded ON account_change (recorded_in)",
    "CREATE INDEX hold_step_recorded ON hold_step (recorded_in)",
    "CREATE INDEX period_recorded ON period (recorded_in)",
    "CREATE INDEX refusal_recorded ON refusal (recorded_in)",
    # What an account may do can be changed, and each change is recorded: so must be what it began with.
    """
    CREATE TABLE account_opening (
        account_id  uuid PRIMARY KEY,
        floor       bigint,
        ceiling     bigint,
        external_id text,
        metadata    jsonb NOT NULL,
        recorded_in bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint
    )
    """,
    "CREATE INDEX account_opening_recorded ON account_opening (recorded_in)",
    """
    INSERT INTO account_opening (account_id, floor, ceiling, external_id, metadata)
    SELECT id, floor, ceiling, external_id, metadata FROM account
    """,
)

TABLES = (
    """
    CREATE TABLE seal_key (
        key_id        text PRIMARY KEY,
        public_key    bytea NOT NULL,
        first_used_at timestamptz NOT NULL,
        CONSTRAINT seal_key_length CHECK (octet_length(public_key) = 32)
    )
    """,
    """
    CREATE TABLE seal (
        number         bigint PRIMARY KEY,
        first_sequence bigint NOT NULL,
        last_sequence  bigint NOT NULL,
        records_from   bigint NOT NULL,
        records_until  bigint NOT NULL,
        leaves         bytea NOT NULL,
        root           bytea NOT NULL,
        previous       bytea NOT NULL,
        sealed_at      timestamptz NOT NULL,
        key_id         text NOT NULL,
        hash           bytea NOT NULL,
        signature      bytea NOT NULL,
        CONSTRAINT seal_number CHECK (number > 0),
        CONSTRAINT seal_range CHECK (last_sequence >= first_sequence - 1 AND records_until >= records_from),
        CONSTRAINT seal_leaves CHECK (
            octet_length(leaves) % 32 = 0 AND octet_length(leaves) >= 32
            AND octet_length(leaves) >= 64 * (last_sequence - first_sequence + 1)
        ),
        CONSTRAINT seal_lengths CHECK (
            octet_length(root) = 32 AND octet_length(previous) = 32 AND octet_length(hash) = 32
            AND octet_length(signature) = 64
        ),
        CONSTRAINT seal_signer FOREIGN KEY (key_id) REFERENCES seal_key (key_id)
    )
    """,
    # Hashes do not compress.
    "ALTER TABLE seal ALTER COLUMN leaves SET STORAGE EXTERNAL",
    "CREATE INDEX seal_last ON seal (last_sequence, number)",
    # Where the audit stands that goes round and round in the service, and what it has found; no money rows.
    """
    CREATE TABLE audit_round (
        id           smallint PRIMARY KEY,
        number       bigint NOT NULL,
        started_at   timestamptz NOT NULL,
        walk         text,
        position     text,
        completed_at timestamptz,
        CONSTRAINT audit_round_is_one CHECK (id = 1)
    )
    """,
    "INSERT INTO audit_round (id, number, started_at) VALUES (1, 1, now())",
    """
    CREATE TABLE audit_finding (
        place    text NOT NULL,
        claim    text NOT NULL,
        round    bigint NOT NULL,
        found_at timestamptz NOT NULL,
        PRIMARY KEY (place, claim)
    )
    """,
)

RECORD_OPENINGS = """
CREATE FUNCTION record_openings() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO account_opening (account_id, floor, ceiling, external_id, metadata)
    SELECT w.id, w.floor, w.ceiling, w.external_id, w.metadata FROM written w;
    RETURN NULL;
END
$$
"""

VERIFY_SEAL = """
CREATE FUNCTION verify_seal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    before seal;
BEGIN
    SELECT s.* INTO before FROM seal s ORDER BY s.number DESC LIMIT 1;
    IF (NEW.number = coalesce(before.number, 0) + 1
        AND NEW.previous = coalesce(before.hash, decode(repeat('00', 32), 'hex'))
        AND NEW.first_sequence = coalesce(before.last_sequence, 0) + 1
        AND NEW.records_from = coalesce(before.records_until, 0)
        AND NEW.sealed_at >= coalesce(before.sealed_at, '-infinity')
        AND NEW.last_sequence <= (SELECT l.sequence FROM ledger l WHERE l.id = 1)
        AND NEW.records_until <= greatest(NEW.records_from, pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
       ) IS NOT TRUE THEN
        RAISE check_violation USING MESSAGE = 'a seal must continue the seal before it, over what is in the ledger';
    END IF;
    RETURN NEW;
END
$$
"""

TRIGGERS = (
    """
    CREATE TRIGGER record_openings AFTER INSERT ON account
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION record_openings()
    """,
    "CREATE TRIGGER verify_seal BEFORE INSERT ON seal FOR EACH ROW EXECUTE FUNCTION verify_seal()",
)

GRANTS = (
    # All but `recorded_in`: a record that names a transaction to come would not be sealed until then.
    "REVOKE INSERT ON account_change, hold_step, period, refusal FROM wallet",
    """
    GRANT INSERT (account_id, number, floor, ceiling, frozen, closed_at, external_id, metadata, changed_by, reason,
                  changed_at) ON account_change TO wallet
    """,
    """
    GRANT INSERT (hold_id, step, kind, amount, captured, remaining, expires_at, account_id, account_step, held_after,
                  operation_id, fingerprint, recorded_at) ON hold_step TO wallet
    """,
    "GRANT INSERT (id, starts_at, ends_at, closed_at, closed_by) ON period TO wallet",
    "GRANT INSERT (id, reference, fingerprint, code, detail, refused_at, leg) ON refusal TO wallet",
    "GRANT SELECT ON account_opening TO wallet",
    "GRANT SELECT, INSERT ON seal_key, seal TO wallet",
    "GRANT SELECT, UPDATE (number, started_at, walk, position, completed_at) ON audit_round TO wallet",
    "GRANT SELECT, INSERT, UPDATE (round), DELETE ON audit_finding TO wallet",
)


def upgrade() -> None:
    for statement in (*RECORDS, *TABLES, RECORD_OPENINGS, VERIFY_SEAL, *TRIGGERS, *GRANTS):
        op.execute(statement)
