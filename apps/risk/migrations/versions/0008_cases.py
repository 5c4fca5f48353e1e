"""Cases that analysts work on, and labels: which payments were frauds."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # A case has the id of what it is about. Two opinions where two are needed, of two people: the database keeps to it
    # too.
    """
    CREATE TABLE risk_case (
        id                uuid PRIMARY KEY,
        kind              text NOT NULL,
        status            text NOT NULL DEFAULT 'open',
        title             text NOT NULL,
        customer          uuid,
        payment_intent_id uuid,
        amount            bigint,
        currency          text,
        four_eyes         boolean NOT NULL,
        opened_at         timestamptz NOT NULL,
        due_at            timestamptz NOT NULL,
        assignee          uuid,
        claimed_until     timestamptz,
        first_outcome     text,
        first_by          uuid,
        first_reason      text,
        first_at          timestamptz,
        last_outcome      text,
        last_by           uuid,
        last_reason       text,
        last_at           timestamptz,
        outcome           text,
        closed_at         timestamptz,
        events            smallint NOT NULL DEFAULT 1,
        CONSTRAINT risk_case_kind CHECK (kind IN ('payment', 'screening')),
        CONSTRAINT risk_case_payment CHECK (kind <> 'payment' OR num_nulls(payment_intent_id, amount, currency) = 0),
        CONSTRAINT risk_case_status CHECK (status IN ('open', 'awaiting_second_decision', 'decided', 'canceled')),
        CONSTRAINT risk_case_outcome CHECK (outcome IN ('approve', 'decline') AND (status = 'decided')
                                            OR outcome IS NULL AND status <> 'decided'),
        CONSTRAINT risk_case_claim CHECK (num_nulls(assignee, claimed_until) IN (0, 2)),
        CONSTRAINT risk_case_first CHECK (num_nulls(first_outcome, first_by, first_reason, first_at) IN (0, 4)),
        CONSTRAINT risk_case_last CHECK (num_nulls(last_outcome, last_by, last_reason, last_at) IN (0, 4)),
        CONSTRAINT risk_case_decided CHECK (status <> 'decided' OR last_by IS NOT NULL),
        CONSTRAINT risk_case_four_eyes CHECK (NOT four_eyes OR status <> 'decided' OR first_by IS NOT NULL),
        CONSTRAINT risk_case_two_people CHECK (first_by <> last_by),
        CONSTRAINT risk_case_closed CHECK ((closed_at IS NOT NULL) = (status IN ('decided', 'canceled'))),
        CONSTRAINT risk_case_events CHECK (events BETWEEN 1 AND 200)
    )
    """,
    "CREATE INDEX risk_case_queue ON risk_case (due_at, id) WHERE status IN ('open', 'awaiting_second_decision')",
    "CREATE INDEX risk_case_done ON risk_case (status, due_at, id)",
    "CREATE INDEX risk_case_payment_intent ON risk_case (payment_intent_id) WHERE payment_intent_id IS NOT NULL",
    """
    CREATE TABLE case_event (
        case_id uuid NOT NULL,
        number  smallint NOT NULL,
        kind    text NOT NULL,
        actor   uuid,
        at      timestamptz NOT NULL,
        body    jsonb NOT NULL,
        CONSTRAINT case_event_kind
            CHECK (kind IN ('opened', 'claimed', 'released', 'note', 'evidence', 'decision', 'canceled')),
        CONSTRAINT case_event_number CHECK (number BETWEEN 1 AND 200),
        CONSTRAINT case_event_case FOREIGN KEY (case_id) REFERENCES risk_case,
        PRIMARY KEY (case_id, number)
    )
    """,
    # What was reviewed before there were cases. What two people have to decide was a setting that is not known here.
    """
    INSERT INTO risk_case (id, kind, status, title, customer, payment_intent_id, amount, currency, four_eyes, opened_at,
                           due_at, last_outcome, last_by, last_reason, last_at, outcome, closed_at)
    SELECT assessment_id, 'payment',
           CASE WHEN v.outcome IS NOT NULL THEN 'decided' WHEN is_open THEN 'open' ELSE 'canceled' END,
           'A payment under review', d.payer, r.payment_intent_id, amount, currency,
           v.outcome IS NULL AND is_open, d.decided_at,
           d.decided_at + interval '24 hours', v.outcome, v.decided_by, v.note, v.decided_at, v.outcome,
           CASE WHEN v.outcome IS NOT NULL OR NOT is_open THEN coalesce(v.decided_at, d.decided_at) END
    FROM review r JOIN decision d USING (assessment_id) LEFT JOIN verdict v USING (assessment_id)
    """,
    """
    INSERT INTO case_event (case_id, number, kind, at, body)
    SELECT id, 1, 'opened', opened_at, jsonb_build_object('text', title) FROM risk_case
    """,
    # The newest that each source says of a payment.
    """
    CREATE TABLE label_statement (
        payment_intent_id uuid NOT NULL,
        source            text NOT NULL,
        label             text NOT NULL,
        stated_at         timestamptz NOT NULL,
        is_final          boolean NOT NULL,
        stated_by         uuid,
        reference         text NOT NULL,
        CONSTRAINT label_statement_source CHECK (source IN ('dispute', 'analyst', 'import')),
        CONSTRAINT label_statement_label CHECK (label IN ('fraud', 'good')),
        PRIMARY KEY (payment_intent_id, source)
    )
    """,
    # What follows from them. The assessment is the one whose features know of it; none where risk saw none.
    """
    CREATE TABLE label (
        payment_intent_id uuid PRIMARY KEY,
        label             text NOT NULL,
        source            text NOT NULL,
        assessment_id     uuid,
        changed_at        timestamptz NOT NULL,
        CONSTRAINT label_source CHECK (source IN ('dispute', 'analyst', 'import')),
        CONSTRAINT label_label CHECK (label IN ('fraud', 'good')),
        CONSTRAINT label_decision FOREIGN KEY (assessment_id) REFERENCES decision
    )
    """,
    "CREATE INDEX label_assessment ON label (assessment_id) WHERE assessment_id IS NOT NULL",
    "GRANT SELECT, INSERT ON risk_case, case_event, label_statement, label TO risk",
    """
    GRANT UPDATE (status, assignee, claimed_until, first_outcome, first_by, first_reason, first_at, last_outcome,
                  last_by, last_reason, last_at, outcome, closed_at, events) ON risk_case TO risk
    """,
    "GRANT UPDATE (label, stated_at, is_final, stated_by, reference) ON label_statement TO risk",
    "GRANT UPDATE (label, source, assessment_id, changed_at) ON label TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
