"""Lists, sanctioned parties, and screenings of names."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # Entries and removals are never changed, and so they are the log; `is_active` is for the index.
    """
    CREATE TABLE list_entry (
        id         uuid PRIMARY KEY,
        list       text NOT NULL,
        kind       text NOT NULL,
        value      text NOT NULL,
        expires_at timestamptz,
        owner      uuid NOT NULL,
        reason     text NOT NULL,
        added_by   uuid NOT NULL,
        added_at   timestamptz NOT NULL,
        is_active  boolean NOT NULL DEFAULT true,
        CONSTRAINT list_entry_list CHECK (list IN ('allow', 'deny', 'watch')),
        CONSTRAINT list_entry_kind CHECK (kind IN ('payer', 'payee', 'device', 'address', 'card', 'country')),
        CONSTRAINT list_entry_value CHECK (char_length(value) BETWEEN 1 AND 64),
        CONSTRAINT list_entry_expiry CHECK (expires_at > added_at)
    )
    """,
    "CREATE UNIQUE INDEX list_entry_active ON list_entry (kind, value, list) WHERE is_active",
    """
    CREATE TABLE list_removal (
        entry_id   uuid PRIMARY KEY,
        removed_by uuid NOT NULL,
        reason     text NOT NULL,
        removed_at timestamptz NOT NULL,
        CONSTRAINT list_removal_entry FOREIGN KEY (entry_id) REFERENCES list_entry (id)
    )
    """,
    # The versions of sanctions lists that were imported; of each source the newest is in use.
    """
    CREATE TABLE sanctions_list (
        version     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source      text NOT NULL,
        format      text NOT NULL,
        published   text,
        sha256      text NOT NULL,
        parties     integer NOT NULL,
        names       integer NOT NULL,
        imported_at timestamptz NOT NULL,
        CONSTRAINT sanctions_list_source CHECK (source IN ('ofac', 'un', 'eu')),
        CONSTRAINT sanctions_list_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT sanctions_list_parties CHECK (parties BETWEEN 1 AND 100000)
    )
    """,
    "CREATE INDEX sanctions_list_newest ON sanctions_list (source, version)",
    # The parties of the versions in use: importing a list takes the place of all of its source in one transaction.
    """
    CREATE TABLE listed_party (
        source      text NOT NULL,
        reference   text NOT NULL,
        kind        text NOT NULL,
        names       text[] NOT NULL,
        weak_names  text[] NOT NULL,
        birth_dates text[] NOT NULL,
        programs    text[] NOT NULL,
        PRIMARY KEY (source, reference),
        CONSTRAINT listed_party_source CHECK (source IN ('ofac', 'un', 'eu')),
        CONSTRAINT listed_party_kind CHECK (kind IN ('person', 'organisation', 'other')),
        CONSTRAINT listed_party_names CHECK (cardinality(names) BETWEEN 1 AND 1000 AND cardinality(weak_names) <= 1000)
    )
    """,
    # One row a customer, without their name: that stays with identity, sealed, and goes when they are erased.
    """
    CREATE TABLE customer_screening (
        customer         uuid PRIMARY KEY,
        status           text NOT NULL DEFAULT 'unknown',
        screened_version bigint NOT NULL DEFAULT 0,
        screened_at      timestamptz,
        CONSTRAINT customer_screening_status CHECK (status IN ('unknown', 'clear', 'possible', 'confirmed'))
    )
    """,
    "CREATE INDEX customer_screening_due ON customer_screening (screened_version, customer)",
    # A match, with the party as it was then. A party that has changed is another match.
    """
    CREATE TABLE screening (
        id                uuid PRIMARY KEY,
        subject           uuid NOT NULL,
        subject_kind      text NOT NULL,
        customer          uuid NOT NULL,
        payment_intent_id uuid,
        screened_name     text,
        source            text NOT NULL,
        reference         text NOT NULL,
        party_hash        text NOT NULL,
        party             jsonb NOT NULL,
        listed_name       text NOT NULL,
        score             smallint NOT NULL,
        opened_at         timestamptz NOT NULL,
        status            text NOT NULL DEFAULT 'possible',
        CONSTRAINT screening_pair UNIQUE (subject, source, reference, party_hash),
        CONSTRAINT screening_subject_kind CHECK (subject_kind IN ('customer', 'beneficiary')),
        CONSTRAINT screening_name CHECK ((subject_kind = 'beneficiary') = (screened_name IS NOT NULL)),
        CONSTRAINT screening_score CHECK (score BETWEEN 0 AND 100),
        CONSTRAINT screening_status CHECK (status IN ('possible', 'dismissed', 'confirmed', 'withdrawn'))
    )
    """,
    "CREATE INDEX screening_by_status ON screening (status, id)",
    "CREATE INDEX screening_of_customer ON screening (customer, status, id)",
    """
    CREATE TABLE screening_decision (
        id           uuid PRIMARY KEY,
        screening_id uuid NOT NULL,
        outcome      text NOT NULL,
        decided_by   uuid NOT NULL,
        reason       text NOT NULL,
        decided_at   timestamptz NOT NULL,
        CONSTRAINT screening_decision_screening FOREIGN KEY (screening_id) REFERENCES screening (id),
        CONSTRAINT screening_decision_outcome CHECK (outcome IN ('dismissed', 'confirmed'))
    )
    """,
    "CREATE INDEX screening_decision_of ON screening_decision (screening_id, id)",
    """
    GRANT SELECT, INSERT ON list_entry, list_removal, sanctions_list, listed_party, customer_screening, screening,
                            screening_decision TO risk
    """,
    "GRANT UPDATE (is_active) ON list_entry TO risk",
    "GRANT DELETE ON listed_party TO risk",
    "GRANT UPDATE (status, screened_version, screened_at) ON customer_screening TO risk",
    "GRANT UPDATE (status) ON screening TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
