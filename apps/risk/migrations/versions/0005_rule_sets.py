"""Rule sets, their life, backtests and shadow decisions."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS: tuple[str, ...] = (
    # The document is text: the hash is of its very characters. The author of what came with the
    # product is the nil UUID.
    """
    CREATE TABLE rule_set (
        position    bigint GENERATED ALWAYS AS IDENTITY,
        hash        text PRIMARY KEY,
        name        text NOT NULL,
        description text NOT NULL,
        rules       smallint NOT NULL,
        model       text,
        document    text NOT NULL,
        author      uuid NOT NULL,
        drafted_at  timestamptz NOT NULL,
        CONSTRAINT rule_set_hash CHECK (hash ~ '^[0-9a-f]{64}$'),
        CONSTRAINT rule_set_document CHECK (octet_length(document) <= 262144),
        CONSTRAINT rule_set_position UNIQUE (position),
        CONSTRAINT rule_set_author UNIQUE (hash, author)
    )
    """,
    # The newest is where the rule set is. Names the author too, so that the database itself keeps authors from
    # approving.
    """
    CREATE TABLE rule_set_event (
        rule_set text NOT NULL,
        number   integer NOT NULL,
        status   text NOT NULL,
        author   uuid NOT NULL,
        made_by  uuid,
        made_at  timestamptz NOT NULL,
        CONSTRAINT rule_set_event_status CHECK (status IN ('draft', 'shadow', 'approved', 'active', 'retired')),
        CONSTRAINT rule_set_event_number CHECK (number > 0),
        CONSTRAINT rule_set_event_second_person
            CHECK (status <> 'approved' OR made_by IS NOT NULL AND made_by <> author),
        CONSTRAINT rule_set_event_rule_set FOREIGN KEY (rule_set) REFERENCES rule_set,
        CONSTRAINT rule_set_event_author FOREIGN KEY (rule_set, author) REFERENCES rule_set (hash, author),
        PRIMARY KEY (rule_set, number)
    )
    """,
    # The newest decides. A rollback goes to the previous one of it.
    """
    CREATE TABLE activation (
        position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        rule_set     text NOT NULL,
        previous     bigint,
        rolled_back  boolean NOT NULL,
        activated_by uuid,
        activated_at timestamptz NOT NULL,
        CONSTRAINT activation_rule_set FOREIGN KEY (rule_set) REFERENCES rule_set,
        CONSTRAINT activation_previous FOREIGN KEY (previous) REFERENCES activation
    )
    """,
    # `reached` is the assessment down to which payments are judged: what is interrupted goes on from there.
    """
    CREATE TABLE backtest (
        id         uuid PRIMARY KEY,
        rule_set   text NOT NULL,
        since      timestamptz NOT NULL,
        until      timestamptz NOT NULL,
        most       integer NOT NULL,
        asked_by   uuid NOT NULL,
        asked_at   timestamptz NOT NULL,
        status     text NOT NULL DEFAULT 'running',
        total      integer NOT NULL DEFAULT 0,
        reached    uuid,
        tries      smallint NOT NULL DEFAULT 0,
        judged     integer NOT NULL DEFAULT 0,
        not_judged integer NOT NULL DEFAULT 0,
        flips      integer NOT NULL DEFAULT 0,
        flips_kept integer NOT NULL DEFAULT 0,
        tally      jsonb NOT NULL DEFAULT '{}',
        ended_at   timestamptz,
        ended_by   uuid,
        failure    text,
        CONSTRAINT backtest_status CHECK (status IN ('running', 'completed', 'canceled', 'failed')),
        CONSTRAINT backtest_ended CHECK ((status = 'running') = (ended_at IS NULL)),
        CONSTRAINT backtest_failure CHECK ((status = 'failed') = (failure IS NOT NULL)),
        CONSTRAINT backtest_flips CHECK (flips_kept BETWEEN 0 AND flips),
        CONSTRAINT backtest_most CHECK (most BETWEEN 1 AND 5000000),
        CONSTRAINT backtest_rule_set FOREIGN KEY (rule_set) REFERENCES rule_set
    )
    """,
    "CREATE UNIQUE INDEX backtest_running ON backtest (status) WHERE status = 'running'",
    """
    CREATE TABLE backtest_flip (
        backtest_id       uuid NOT NULL,
        assessment_id     uuid NOT NULL,
        payment_intent_id uuid NOT NULL,
        before            text NOT NULL,
        after             text NOT NULL,
        score_before      smallint NOT NULL,
        score             smallint NOT NULL,
        codes             text[] NOT NULL,
        label             text,
        CONSTRAINT backtest_flip_backtest FOREIGN KEY (backtest_id) REFERENCES backtest ON DELETE CASCADE,
        PRIMARY KEY (backtest_id, assessment_id)
    )
    """,
    # What rule sets in shadow said, counted; and of what came out otherwise, a bounded number.
    """
    CREATE TABLE shadow_tally (
        rule_set text NOT NULL,
        before   text NOT NULL,
        after    text NOT NULL,
        payments bigint NOT NULL,
        CONSTRAINT shadow_tally_rule_set FOREIGN KEY (rule_set) REFERENCES rule_set,
        PRIMARY KEY (rule_set, before, after)
    )
    """,
    """
    CREATE TABLE shadow_decision (
        rule_set          text NOT NULL,
        assessment_id     uuid NOT NULL,
        payment_intent_id uuid NOT NULL,
        before            text NOT NULL,
        after             text NOT NULL,
        score_before      smallint NOT NULL,
        score             smallint NOT NULL,
        codes             text[] NOT NULL,
        CONSTRAINT shadow_decision_rule_set FOREIGN KEY (rule_set) REFERENCES rule_set,
        CONSTRAINT shadow_decision_decision FOREIGN KEY (assessment_id) REFERENCES decision,
        PRIMARY KEY (rule_set, assessment_id)
    )
    """,
    """
    GRANT SELECT, INSERT ON rule_set, rule_set_event, activation, backtest, backtest_flip, shadow_tally, shadow_decision
    TO risk
    """,
    """
    GRANT UPDATE (status, total, reached, tries, judged, not_judged, flips, flips_kept, tally, ended_at, ended_by,
                  failure) ON backtest TO risk
    """,
    "GRANT UPDATE (payments) ON shadow_tally TO risk",
    # The oldest backtests go, with their flips.
    "GRANT DELETE ON backtest TO risk",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
