"""Decisions with all that they were made from."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # json keeps the very characters: a value that jsonb would write in another way could not be replayed bit for bit.
    """
    ALTER TABLE decision
        ADD COLUMN request json,
        ADD COLUMN values json,
        ADD COLUMN catalogue text,
        ADD COLUMN rule_set text,
        ADD COLUMN model text,
        ADD COLUMN score smallint,
        ADD COLUMN step_up boolean NOT NULL DEFAULT false,
        ADD COLUMN codes text[] NOT NULL DEFAULT '{}',
        ADD COLUMN approvable_amount bigint,
        ADD COLUMN model_part json,
        ADD COLUMN micros integer,
        ADD CONSTRAINT decision_can_be_replayed
            CHECK (num_nulls(request, values, catalogue, rule_set, score, micros) IN (0, 6)),
        ADD CONSTRAINT decision_score CHECK (score BETWEEN 0 AND 100),
        ADD CONSTRAINT decision_approvable_amount CHECK (approvable_amount > 0),
        ADD CONSTRAINT decision_step_up CHECK (NOT step_up OR outcome = 'decline')
    """,
    "CREATE INDEX decision_payer ON decision (payer, assessment_id)",
    "CREATE INDEX decision_payment_intent ON decision (payment_intent_id, assessment_id)",
    "CREATE INDEX decision_by_outcome ON decision (outcome, assessment_id)",
    # What decisions name by a hash, as it was when it decided: with it and the decision's row all can be replayed.
    """
    CREATE TABLE decision_document (
        hash     text PRIMARY KEY,
        kind     text NOT NULL,
        document text NOT NULL,
        CONSTRAINT decision_document_hash CHECK (hash ~ '^[0-9a-f]{64}$'),
        CONSTRAINT decision_document_kind CHECK (kind IN ('catalogue', 'rule_set', 'model'))
    )
    """,
    # What was answered at the deadline; the decision comes later, and so this names none that is there already.
    """
    CREATE TABLE degraded_answer (
        assessment_id     uuid PRIMARY KEY,
        payment_intent_id uuid NOT NULL,
        outcome           text NOT NULL,
        answered_at       timestamptz NOT NULL,
        CONSTRAINT degraded_answer_outcome CHECK (outcome IN ('approve', 'decline', 'review'))
    )
    """,
    # All that is told of a decision.
    """
    CREATE VIEW decision_record AS
    SELECT d.assessment_id, d.payment_intent_id, d.payer, d.outcome, d.step_up, d.score, d.codes,
           d.rules::text AS rules, d.approvable_amount, d.decided_at, d.request::text AS request,
           d.values::text AS values, d.catalogue, d.rule_set, d.model, d.model_part::text AS model_part, d.micros,
           a.outcome AS degraded_outcome, v.outcome AS verdict, v.decided_by, v.note, v.decided_at AS reviewed_at
    FROM decision d LEFT JOIN verdict v USING (assessment_id) LEFT JOIN degraded_answer a USING (assessment_id)
    """,
    "GRANT SELECT, INSERT ON decision_document, degraded_answer TO risk",
    "GRANT SELECT ON decision_record TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
