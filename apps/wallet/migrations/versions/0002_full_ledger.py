"""The full ledger: a chart of accounts, holds, journals, reversals, effective dates and closed periods.

A transfer carries the balance that it leaves on each of its accounts, so that an entry is a side of a transfer and not
a row of its own: an orphan or an unbalanced one cannot be written. The runtime role inserts money rows; the balances
that it updates must continue them. Triggers verify that once per statement, over all its rows, which is why one
statement writes transfers, journals, hold steps and the balances that they move.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REPLACED = (
    "DROP TRIGGER verify_transfers ON transfer",
    "DROP TRIGGER verify_entries ON entry",
    "DROP TRIGGER verify_accounts ON account",
    "DROP TRIGGER verify_ledger ON ledger",
    "DROP FUNCTION verify_transfers, verify_entries, verify_accounts, verify_ledger",
    "DROP INDEX account_clearing",
)

LEDGER = (
    # What the consumer has consumed under the name that it had, it has consumed.
    "UPDATE inbox SET consumer = 'wallet-ledger' WHERE consumer = 'wallet-post-transfer'",
    "ALTER TABLE ledger ADD COLUMN moved_at timestamptz NOT NULL DEFAULT 'epoch'",
    "ALTER TABLE ledger ADD COLUMN closed_until timestamptz",
)

TRANSFER = (
    """
    ALTER TABLE transfer
        DROP CONSTRAINT transfer_debit_account,
        DROP CONSTRAINT transfer_credit_account,
        ADD COLUMN debit_balance bigint,
        ADD COLUMN credit_balance bigint,
        ADD COLUMN effective_at timestamptz,
        ADD COLUMN journal_id uuid,
        ADD COLUMN hold_id uuid,
        ADD COLUMN reverses uuid,
        ADD COLUMN reversed_total bigint,
        ADD COLUMN metadata jsonb
    """,
    # Several writers took their time before their turn: from here on time never goes back along the ledger.
    """
    UPDATE transfer t SET posted_at = o.moment, effective_at = o.moment,
           debit_balance = (SELECT balance_after FROM entry WHERE account_id = debit_account AND sequence = t.sequence),
           credit_balance = (SELECT balance_after FROM entry
                             WHERE account_id = credit_account AND sequence = t.sequence)
    FROM (SELECT id, max(posted_at) OVER (ORDER BY sequence) AS moment FROM transfer) o WHERE o.id = t.id
    """,
    "UPDATE ledger SET moved_at = coalesce((SELECT max(posted_at) FROM transfer), 'epoch')",
    "DROP TABLE entry",
    """
    ALTER TABLE transfer
        ALTER COLUMN debit_balance SET NOT NULL,
        ALTER COLUMN credit_balance SET NOT NULL,
        ALTER COLUMN effective_at SET NOT NULL,
        ADD CONSTRAINT transfer_effective CHECK (effective_at >= '1970-01-01 00:00Z' AND effective_at <= posted_at),
        ADD CONSTRAINT transfer_reversal CHECK (
            (reverses IS NULL) = (reversed_total IS NULL)
            AND reversed_total >= amount AND reversed_total <= 1000000000000
        )
    """,
    "CREATE INDEX transfer_debited ON transfer (debit_account, sequence)",
    "CREATE INDEX transfer_credited ON transfer (credit_account, sequence)",
    "CREATE INDEX transfer_posted ON transfer (posted_at, sequence)",
    "CREATE UNIQUE INDEX transfer_reversed ON transfer (reverses, reversed_total) WHERE reverses IS NOT NULL",
    """
    CREATE VIEW entry AS
    SELECT debit_account AS account_id, sequence, id AS transfer_id, -amount AS amount, debit_balance AS balance_after,
           credit_account AS counterparty, reference, effective_at, posted_at FROM transfer
    UNION ALL
    SELECT credit_account, sequence, id, amount, credit_balance, debit_account, reference, effective_at, posted_at
    FROM transfer
    """,
    # Every kind of operation may be refused: its id is taken then, too.
    "ALTER TABLE refused_transfer RENAME TO refusal",
    "ALTER INDEX refused_transfer_pkey RENAME TO refusal_pkey",
    "ALTER TABLE refusal ADD COLUMN leg integer",
)

ACCOUNT = (
    """
    ALTER TABLE account
        DROP CONSTRAINT account_kind,
        DROP CONSTRAINT account_floor,
        ADD COLUMN type text,
        ADD COLUMN wallet uuid,
        ADD COLUMN held bigint NOT NULL DEFAULT 0,
        ADD COLUMN hold_steps bigint NOT NULL DEFAULT 0,
        ADD COLUMN ceiling bigint,
        ADD COLUMN frozen text NOT NULL DEFAULT 'none',
        ADD COLUMN closed_at timestamptz,
        ADD COLUMN processor text,
        ADD COLUMN external_id text,
        ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN changes integer NOT NULL DEFAULT 0
    """,
    """
    UPDATE account SET type = CASE kind WHEN 'wallet' THEN 'liability' ELSE 'asset' END,
                       wallet = CASE kind WHEN 'wallet' THEN id END
    """,
    """
    ALTER TABLE account
        ALTER COLUMN type SET NOT NULL,
        ADD CONSTRAINT account_kind CHECK (
            (kind = 'wallet' AND owner IS NOT NULL AND wallet IS NOT NULL AND type = 'liability'
             AND processor IS NULL) OR
            (kind IN ('clearing', 'fees', 'suspense', 'fx', 'general') AND owner IS NULL AND wallet IS NULL)
        ),
        ADD CONSTRAINT account_type CHECK (type IN ('asset', 'liability', 'income', 'expense', 'equity')),
        ADD CONSTRAINT account_processor CHECK (processor IS NULL OR kind = 'clearing'),
        ADD CONSTRAINT account_frozen CHECK (frozen IN ('none', 'in', 'out', 'both')),
        ADD CONSTRAINT account_bounds CHECK (
            abs(balance) <= 1000000000000000000 AND abs(floor) <= 1000000000000000000
            AND abs(ceiling) <= 1000000000000000000 AND held >= 0 AND held <= 1000000000000000000 AND hold_steps >= 0
        ),
        ADD CONSTRAINT account_floor CHECK (balance - held >= floor),
        ADD CONSTRAINT account_ceiling CHECK (balance <= ceiling),
        ADD CONSTRAINT account_closed CHECK (closed_at IS NULL OR (balance = 0 AND held = 0)),
        ADD CONSTRAINT account_external_id UNIQUE (external_id),
        ADD CONSTRAINT account_wallet UNIQUE (wallet, currency)
    """,
    """
    CREATE UNIQUE INDEX account_system ON account (kind, currency, processor) NULLS NOT DISTINCT
    WHERE kind IN ('clearing', 'fees', 'suspense', 'fx')
    """,
    "CREATE INDEX account_age ON account (created_at, id)",
    "CREATE INDEX account_chart ON account (currency, kind, id) WHERE kind <> 'wallet'",
    """
    CREATE TABLE account_change (
        account_id  uuid NOT NULL,
        number      integer NOT NULL,
        floor       bigint,
        ceiling     bigint,
        frozen      text NOT NULL,
        closed_at   timestamptz,
        external_id text,
        metadata    jsonb NOT NULL,
        changed_by  uuid NOT NULL,
        reason      text NOT NULL,
        changed_at  timestamptz NOT NULL,
        CONSTRAINT account_change_number CHECK (number > 0),
        PRIMARY KEY (account_id, number)
    )
    """,
)

TABLES = (
    """
    CREATE TABLE journal (
        id             uuid PRIMARY KEY,
        first_sequence bigint NOT NULL,
        transfers      integer NOT NULL,
        reference      uuid,
        metadata       jsonb,
        fingerprint    bytea NOT NULL,
        posted_at      timestamptz NOT NULL,
        CONSTRAINT journal_transfers CHECK (transfers BETWEEN 1 AND 100)
    )
    """,
    """
    CREATE TABLE exchange (
        sell_transfer uuid PRIMARY KEY,
        buy_transfer  uuid NOT NULL,
        journal_id    uuid NOT NULL,
        rate          numeric(30, 12) NOT NULL,
        CONSTRAINT exchange_rate CHECK (rate > 0)
    )
    """,
    "CREATE INDEX exchange_journal ON exchange (journal_id)",
    """
    CREATE TABLE hold (
        id             uuid PRIMARY KEY,
        debit_account  uuid NOT NULL,
        credit_account uuid NOT NULL,
        amount         bigint NOT NULL,
        currency       text NOT NULL,
        reference      uuid,
        fingerprint    bytea NOT NULL,
        placed_at      timestamptz NOT NULL,
        captured       bigint NOT NULL,
        remaining      bigint NOT NULL,
        status         text NOT NULL,
        expires_at     timestamptz NOT NULL,
        steps          integer NOT NULL,
        CONSTRAINT hold_amount CHECK (amount > 0 AND amount <= 1000000000000),
        CONSTRAINT hold_accounts CHECK (debit_account <> credit_account),
        CONSTRAINT hold_sums CHECK (captured >= 0 AND remaining >= 0 AND captured + remaining <= amount),
        CONSTRAINT hold_status CHECK (
            status = 'pending' AND remaining > 0
            OR status = 'captured' AND remaining = 0 AND captured > 0
            OR status IN ('voided', 'expired') AND remaining = 0
        ),
        CONSTRAINT hold_debit_account FOREIGN KEY (debit_account, currency) REFERENCES account (id, currency),
        CONSTRAINT hold_credit_account FOREIGN KEY (credit_account, currency) REFERENCES account (id, currency)
    )
    """,
    "CREATE INDEX hold_due ON hold (expires_at) WHERE remaining > 0",
    "CREATE INDEX hold_pending ON hold (debit_account, expires_at) WHERE remaining > 0",
    "CREATE INDEX hold_account ON hold (debit_account, id)",
    """
    CREATE TABLE hold_step (
        hold_id      uuid NOT NULL,
        step         integer NOT NULL,
        kind         text NOT NULL,
        amount       bigint NOT NULL,
        captured     bigint NOT NULL,
        remaining    bigint NOT NULL,
        expires_at   timestamptz NOT NULL,
        account_id   uuid NOT NULL,
        account_step bigint NOT NULL,
        held_after   bigint NOT NULL,
        operation_id uuid,
        fingerprint  bytea,
        recorded_at  timestamptz NOT NULL,
        CONSTRAINT hold_step_kind CHECK (kind IN ('placed', 'captured', 'voided', 'extended', 'expired')),
        CONSTRAINT hold_step_held CHECK (held_after >= 0),
        CONSTRAINT hold_step_account UNIQUE (account_id, account_step),
        CONSTRAINT hold_step_operation UNIQUE (operation_id),
        PRIMARY KEY (hold_id, step)
    )
    """,
    """
    CREATE TABLE period (
        id        uuid PRIMARY KEY,
        starts_at timestamptz,
        ends_at   timestamptz NOT NULL,
        closed_at timestamptz NOT NULL,
        closed_by uuid NOT NULL,
        CONSTRAINT period_order CHECK (starts_at < ends_at AND ends_at <= closed_at),
        CONSTRAINT period_start UNIQUE NULLS NOT DISTINCT (starts_at),
        CONSTRAINT period_end UNIQUE (ends_at)
    )
    """,
    # For each account a tree over effective dates, 16 children a node: what backdated entries add up to in each node,
    # and after which transfer. See apps.wallet.domain.timeline.
    """
    CREATE TABLE backdated_total (
        account_id uuid NOT NULL,
        level      smallint NOT NULL,
        bucket     bigint NOT NULL,
        sequence   bigint NOT NULL,
        total      numeric NOT NULL,
        CONSTRAINT backdated_total_level CHECK (level BETWEEN 0 AND 12),
        PRIMARY KEY (account_id, level, bucket, sequence)
    )
    """,
)

# Each function looks rows up by key, one index probe a row, in scalar subqueries that no planner turns into a scan of
# the table: plans are cached per session, and the first is made when the tables are empty.
# Entries are looked up by account and sequence as one key: of a hot account the planner would rather walk the ledger.
VERIFY_TRANSFERS = """
CREATE FUNCTION verify_transfers() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    first bigint; last bigint; posted bigint; oldest timestamptz; moment timestamptz; special boolean; late boolean;
BEGIN
    SELECT min(t.sequence), max(t.sequence), count(*), min(t.posted_at), max(t.posted_at),
           bool_or(t.hold_id IS NOT NULL OR t.reverses IS NOT NULL OR t.journal_id IS NOT NULL),
           bool_or(t.effective_at < t.posted_at)
    INTO first, last, posted, oldest, moment, special, late FROM written t;
    IF posted = 0 THEN
        RETURN NULL;
    END IF;
    IF posted <> last - first + 1 OR oldest <> moment OR moment >= '9999-01-01'
       OR first > 1 AND (SELECT t.posted_at <= moment FROM transfer t WHERE t.sequence = first - 1) IS NOT TRUE
       OR (SELECT l.sequence = last AND l.moved_at = moment AND (l.closed_until > moment) IS NOT TRUE
           FROM ledger l WHERE l.id = 1) IS NOT TRUE THEN
        RAISE check_violation USING MESSAGE = 'transfers must continue the ledger without a gap, and move its head';
    END IF;
    IF EXISTS (
        SELECT FROM (
            SELECT e.*, lag(e.after) OVER by_account AS before, lead(e.sequence) OVER by_account AS next
            FROM (
                SELECT t.debit_account AS account_id, t.sequence, t.currency, -t.amount AS amount,
                       t.debit_balance AS after
                FROM written t
                UNION ALL
                SELECT t.credit_account, t.sequence, t.currency, t.amount, t.credit_balance FROM written t
            ) e
            WINDOW by_account AS (PARTITION BY e.account_id ORDER BY e.sequence)
        ) e
        WHERE e.after <> e.before + e.amount
           OR (SELECT a.currency = e.currency
                      AND (e.next IS NOT NULL OR a.balance = e.after AND a.last_sequence = e.sequence)
                      AND (e.after < a.floor OR e.after > a.ceiling OR abs(e.after) > 1000000000000000000) IS NOT TRUE
                      AND a.frozen IN ('none', CASE WHEN e.amount > 0 THEN 'out' ELSE 'in' END)
               FROM account a WHERE a.id = e.account_id) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'a transfer must continue the balances of its accounts, as they allow';
    END IF;
    IF special AND EXISTS (
        SELECT FROM written t
        WHERE t.reverses IS NOT NULL AND (
                SELECT o.debit_account = t.credit_account AND o.credit_account = t.debit_account
                       AND o.sequence < t.sequence AND t.reversed_total <= o.amount
                       AND t.reversed_total = t.amount + coalesce(
                           (SELECT r.reversed_total FROM transfer r
                            WHERE r.reverses = o.id AND r.sequence < t.sequence
                            ORDER BY r.reversed_total DESC LIMIT 1), 0)
                FROM transfer o WHERE o.id = t.reverses) IS NOT TRUE
           OR t.hold_id IS NOT NULL AND (
                SELECT s.hold_id = t.hold_id AND s.kind = 'captured' AND s.amount = t.amount
                       AND h.debit_account = t.debit_account AND h.credit_account = t.credit_account
                FROM hold_step s JOIN hold h ON h.id = s.hold_id WHERE s.operation_id = t.id) IS NOT TRUE
           OR t.journal_id IS NOT NULL AND (
                SELECT t.sequence >= j.first_sequence AND t.sequence < j.first_sequence + j.transfers
                       AND t.posted_at = j.posted_at
                FROM journal j WHERE j.id = t.journal_id) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'a reversal, a capture or a journal must come with what it is of';
    END IF;
    IF late AND EXISTS (
        SELECT FROM written t CROSS JOIN LATERAL (VALUES (t.debit_account), (t.credit_account)) AS side (account_id)
        WHERE t.effective_at < t.posted_at AND (
            t.effective_at < (SELECT l.closed_until FROM ledger l WHERE l.id = 1)
            OR 13 <> (SELECT count(*) FROM generate_series(0, 12) AS node (level), LATERAL (
                          SELECT FROM backdated_total b
                          WHERE b.account_id = side.account_id AND b.level = node.level::smallint
                            AND b.bucket = bucket_of(t.effective_at, node.level) AND b.sequence = t.sequence) b))
    ) THEN
        RAISE check_violation USING MESSAGE = 'a backdated transfer must be in the totals, and not in a closed period';
    END IF;
    IF late AND EXISTS (
        SELECT FROM (
            SELECT t.debit_account AS account_id, min(t.effective_at) AS since FROM written t
            WHERE t.effective_at < t.posted_at GROUP BY 1
        ) d JOIN account a ON a.id = d.account_id
        WHERE a.floor IS NOT NULL AND a.floor > (SELECT s.lowest FROM balances_since(a.id, a.balance, d.since) s)
        UNION ALL
        SELECT FROM (
            SELECT t.credit_account AS account_id, min(t.effective_at) AS since FROM written t
            WHERE t.effective_at < t.posted_at GROUP BY 1
        ) c JOIN account a ON a.id = c.account_id
        WHERE a.ceiling IS NOT NULL AND a.ceiling < (SELECT s.highest FROM balances_since(a.id, a.balance, c.since) s)
    ) THEN
        RAISE check_violation USING MESSAGE = 'a backdated transfer must respect floor and ceiling at every instant';
    END IF;
    RETURN NULL;
END
$$
"""

BUCKET_OF = """
CREATE FUNCTION bucket_of(moment timestamptz, level integer) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN (extract(epoch FROM moment) * 1000000)::bigint >> (4 * level)
"""

# The lowest and the highest balance that an account has at any instant from `since` on, by effective date.
# What is effective since then was posted since then.
BALANCES_SINCE = """
CREATE FUNCTION balances_since(account uuid, balance bigint, since timestamptz, OUT lowest numeric, OUT highest numeric)
LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT min(balance - later), max(balance - later) FROM (
        SELECT coalesce(sum(moved) OVER (ORDER BY effective_at DESC
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS later
        FROM (
            SELECT e.effective_at, sum(e.amount) AS moved FROM entry e
            WHERE (e.account_id, e.sequence) <= (account, 9223372036854775807) AND e.effective_at >= since
              AND (e.account_id, e.sequence) > (account, coalesce(
                  (SELECT t.sequence FROM transfer t WHERE t.posted_at < since
                   ORDER BY t.posted_at DESC, t.sequence DESC LIMIT 1), 0))
            GROUP BY e.effective_at
        ) AS instant
    ) AS timeline;
END
"""

# By induction: an account goes on from where it stood, by what this very batch moved. So no history is read.
VERIFY_ACCOUNTS = """
CREATE FUNCTION verify_accounts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_nestloop = off AS $$
DECLARE
    moment timestamptz;
BEGIN
    SELECT l.moved_at INTO moment FROM ledger l WHERE l.id = 1;
    IF EXISTS (
        SELECT FROM before o JOIN written a ON a.id = o.id
        LEFT JOIN (
            SELECT t.debit_account AS account_id, t.sequence, -t.amount AS amount
            FROM transfer t WHERE t.posted_at = moment
            UNION ALL
            SELECT t.credit_account, t.sequence, t.amount FROM transfer t WHERE t.posted_at = moment
        ) e ON e.account_id = o.id AND e.sequence > coalesce(o.last_sequence, 0)
        WHERE a.last_sequence IS DISTINCT FROM o.last_sequence
        GROUP BY a.id, a.balance, o.balance, a.last_sequence
        HAVING (a.balance = o.balance + sum(e.amount) AND a.last_sequence = max(e.sequence)) IS NOT TRUE
    ) OR EXISTS (
        SELECT FROM written a
        WHERE a.hold_steps > 0 AND (
                SELECT s.held_after = a.held FROM hold_step s
                WHERE s.account_id = a.id AND s.account_step = a.hold_steps) IS NOT TRUE
           OR a.hold_steps = 0 AND a.held <> 0
    ) THEN
        RAISE check_violation USING MESSAGE = 'an account must stand where its newest entry and hold step left it';
    END IF;
    RETURN NULL;
END
$$
"""

REFUSE_UPDATE = """
CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = 'balances, holds and the ledger only ever go on from what is recorded';
END
$$
"""

VERIFY_CHANGE = """
CREATE FUNCTION verify_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF NEW.changes <> OLD.changes + 1 OR (
        SELECT (c.floor, c.ceiling, c.frozen, c.closed_at, c.external_id, c.metadata)
               IS NOT DISTINCT FROM (NEW.floor, NEW.ceiling, NEW.frozen, NEW.closed_at, NEW.external_id, NEW.metadata)
        FROM account_change c WHERE c.account_id = NEW.id AND c.number = NEW.changes) IS NOT TRUE THEN
        RAISE check_violation USING MESSAGE = 'a change of an account must be recorded with its reason';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_ACCOUNT_CHANGES = """
CREATE FUNCTION verify_account_changes() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written c
        WHERE (SELECT c.number <= a.changes FROM account a WHERE a.id = c.account_id) IS NOT TRUE
           OR c.number > 1 AND NOT EXISTS (
                SELECT FROM account_change p WHERE p.account_id = c.account_id AND p.number = c.number - 1)
    ) THEN
        RAISE check_violation USING MESSAGE = 'a record of a change must come with the change, after the one before';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_EXCHANGES = """
CREATE FUNCTION verify_exchanges() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written x
        WHERE (SELECT s.journal_id = x.journal_id AND b.journal_id = x.journal_id AND b.sequence = s.sequence + 1
                      AND b.currency <> s.currency
                      AND (SELECT f.kind = 'fx' FROM account f WHERE f.id = s.credit_account)
                      AND (SELECT f.kind = 'fx' FROM account f WHERE f.id = b.debit_account)
               FROM transfer s, transfer b WHERE s.id = x.sell_transfer AND b.id = x.buy_transfer) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'a rate must be of two successive transfers of a journal, through fx';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_HOLD_STEPS = """
CREATE FUNCTION verify_hold_steps() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written s
        LEFT JOIN hold h ON h.id = s.hold_id
        LEFT JOIN hold_step p ON p.hold_id = s.hold_id AND p.step = s.step - 1
        WHERE (
            h.debit_account = s.account_id AND h.steps >= s.step
            AND CASE s.kind
                WHEN 'placed' THEN s.step = 1 AND s.amount = h.amount AND s.remaining = h.amount AND s.captured = 0
                     AND s.recorded_at = h.placed_at AND s.recorded_at < s.expires_at
                WHEN 'captured' THEN p.remaining >= s.amount AND s.amount > 0 AND s.captured = p.captured + s.amount
                     AND s.remaining IN (p.remaining - s.amount, 0) AND s.expires_at = p.expires_at
                     AND s.recorded_at < p.expires_at
                WHEN 'voided' THEN p.remaining > 0 AND s.amount = p.remaining AND s.remaining = 0
                     AND s.captured = p.captured AND s.expires_at = p.expires_at AND s.recorded_at < p.expires_at
                WHEN 'expired' THEN p.remaining > 0 AND s.amount = p.remaining AND s.remaining = 0
                     AND s.captured = p.captured AND s.expires_at = p.expires_at AND s.recorded_at >= p.expires_at
                WHEN 'extended' THEN p.remaining > 0 AND s.amount = p.remaining AND s.remaining = p.remaining
                     AND s.captured = p.captured AND s.expires_at > p.expires_at AND s.recorded_at < p.expires_at
                END
            AND s.held_after = s.remaining - coalesce(p.remaining, 0) + CASE s.account_step WHEN 1 THEN 0 ELSE
                (SELECT b.held_after FROM hold_step b
                 WHERE b.account_id = s.account_id AND b.account_step = s.account_step - 1) END
            AND (SELECT a.hold_steps >= s.account_step FROM account a WHERE a.id = s.account_id)
            AND (s.kind <> 'captured' OR
                 (SELECT t.hold_id = s.hold_id AND t.amount = s.amount AND t.posted_at = s.recorded_at
                  FROM transfer t WHERE t.id = s.operation_id))
        ) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'a hold step must continue its hold, and what is held on its account';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_HOLDS = """
CREATE FUNCTION verify_holds() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written h
        WHERE (SELECT s.captured = h.captured AND s.remaining = h.remaining AND s.expires_at = h.expires_at
                      AND h.status = CASE WHEN s.remaining > 0 THEN 'pending' ELSE s.kind END
               FROM hold_step s WHERE s.hold_id = h.id AND s.step = h.steps) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'a hold must stand where its newest step left it';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_JOURNALS = """
CREATE FUNCTION verify_journals() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written j
        WHERE j.transfers <> (SELECT count(*) FROM transfer t
                              WHERE t.sequence >= j.first_sequence AND t.sequence < j.first_sequence + j.transfers
                                AND t.journal_id = j.id)
    ) THEN
        RAISE check_violation USING MESSAGE = 'a journal must come with its transfers';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_TOTALS = """
CREATE FUNCTION verify_totals() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written b
        WHERE (SELECT t.effective_at < t.posted_at AND b.bucket = bucket_of(t.effective_at, b.level::integer)
                      AND b.total = CASE b.account_id WHEN t.debit_account THEN -t.amount
                                                      WHEN t.credit_account THEN t.amount END
                          + coalesce((SELECT p.total FROM backdated_total p
                                      WHERE p.account_id = b.account_id AND p.level = b.level AND p.bucket = b.bucket
                                        AND p.sequence < b.sequence ORDER BY p.sequence DESC LIMIT 1), 0)
               FROM transfer t WHERE t.sequence = b.sequence) IS NOT TRUE
    ) THEN
        RAISE check_violation USING MESSAGE = 'a total must add one backdated entry to the total before it';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_LEDGER = """
CREATE FUNCTION verify_ledger() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF (SELECT l.sequence = coalesce(t.sequence, 0) AND l.moved_at = coalesce(t.posted_at, 'epoch')
               AND l.closed_until IS NOT DISTINCT FROM (SELECT p.ends_at FROM period p ORDER BY p.ends_at DESC LIMIT 1)
        FROM ledger l
        LEFT JOIN (SELECT n.sequence, n.posted_at FROM transfer n ORDER BY n.sequence DESC LIMIT 1) t ON true
        WHERE l.id = 1) IS NOT TRUE THEN
        RAISE check_violation USING MESSAGE = 'the head of the ledger must be its newest transfer and period';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_PERIODS = """
CREATE FUNCTION verify_periods() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written p
        WHERE p.starts_at IS DISTINCT FROM
              (SELECT o.ends_at FROM period o WHERE o.ends_at < p.ends_at ORDER BY o.ends_at DESC LIMIT 1)
           OR (SELECT p.ends_at <= l.closed_until AND p.closed_at >= l.moved_at
               FROM ledger l WHERE l.id = 1) IS NOT TRUE
           OR p.ends_at >= '9999-01-01'
    ) THEN
        RAISE check_violation USING MESSAGE = 'a period must begin where the one before it ended, and close the ledger';
    END IF;
    RETURN NULL;
END
$$
"""

VERIFY_REFUSALS = """
CREATE FUNCTION verify_refusals() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written r
        WHERE EXISTS (SELECT FROM transfer t WHERE t.id = r.id AND t.fingerprint = r.fingerprint)
           OR EXISTS (SELECT FROM journal j WHERE j.id = r.id AND j.fingerprint = r.fingerprint)
           OR EXISTS (SELECT FROM hold h WHERE h.id = r.id AND h.fingerprint = r.fingerprint)
           OR EXISTS (SELECT FROM hold_step s WHERE s.operation_id = r.id AND s.fingerprint = r.fingerprint)
    ) THEN
        RAISE check_violation USING MESSAGE = 'what was carried out cannot be refused any more';
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
    CREATE TRIGGER verify_accounts AFTER UPDATE ON account
    REFERENCING OLD TABLE AS before NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_accounts()
    """,
    """
    CREATE TRIGGER account_goes_on BEFORE UPDATE ON account FOR EACH ROW WHEN (
        NEW.last_sequence < OLD.last_sequence OR NEW.last_sequence IS NULL AND OLD.last_sequence IS NOT NULL
        OR NEW.balance <> OLD.balance AND NEW.last_sequence IS NOT DISTINCT FROM OLD.last_sequence
        OR NEW.hold_steps < OLD.hold_steps OR NEW.held <> OLD.held AND NEW.hold_steps = OLD.hold_steps
        OR OLD.closed_at IS NOT NULL
    ) EXECUTE FUNCTION refuse_update()
    """,
    """
    CREATE TRIGGER verify_change AFTER UPDATE ON account FOR EACH ROW WHEN (
        NEW.changes <> OLD.changes OR NEW.floor IS DISTINCT FROM OLD.floor OR NEW.ceiling IS DISTINCT FROM OLD.ceiling
        OR NEW.frozen <> OLD.frozen OR NEW.closed_at IS DISTINCT FROM OLD.closed_at
        OR NEW.external_id IS DISTINCT FROM OLD.external_id OR NEW.metadata <> OLD.metadata
    ) EXECUTE FUNCTION verify_change()
    """,
    """
    CREATE TRIGGER verify_account_changes AFTER INSERT ON account_change
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_account_changes()
    """,
    """
    CREATE TRIGGER verify_exchanges AFTER INSERT ON exchange
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_exchanges()
    """,
    """
    CREATE TRIGGER verify_hold_steps AFTER INSERT ON hold_step
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_hold_steps()
    """,
    """
    CREATE TRIGGER verify_placed_holds AFTER INSERT ON hold
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_holds()
    """,
    """
    CREATE TRIGGER verify_holds AFTER UPDATE ON hold
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_holds()
    """,
    """
    CREATE TRIGGER hold_goes_on BEFORE UPDATE ON hold FOR EACH ROW WHEN (NEW.steps <= OLD.steps)
    EXECUTE FUNCTION refuse_update()
    """,
    """
    CREATE TRIGGER verify_journals AFTER INSERT ON journal
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_journals()
    """,
    """
    CREATE TRIGGER verify_totals AFTER INSERT ON backdated_total
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_totals()
    """,
    """
    CREATE TRIGGER verify_refusals AFTER INSERT ON refusal
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_refusals()
    """,
    "CREATE TRIGGER verify_ledger AFTER UPDATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION verify_ledger()",
    """
    CREATE TRIGGER verify_periods AFTER INSERT ON period
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION verify_periods()
    """,
)

GRANTS = (
    "GRANT UPDATE (moved_at, closed_until) ON ledger TO wallet",
    """
    GRANT UPDATE (held, hold_steps, floor, ceiling, frozen, closed_at, external_id, metadata, changes)
    ON account TO wallet
    """,
    "GRANT INSERT (type, wallet, ceiling, processor, external_id, metadata) ON account TO wallet",
    "GRANT SELECT ON entry TO wallet",
    "GRANT SELECT, INSERT ON account_change, journal, exchange, hold, hold_step, period, backdated_total TO wallet",
    "GRANT UPDATE (captured, remaining, status, expires_at, steps) ON hold TO wallet",
)


def upgrade() -> None:
    for statement in (
        *REPLACED,
        *LEDGER,
        *TRANSFER,
        *ACCOUNT,
        *TABLES,
        BUCKET_OF,
        BALANCES_SINCE,
        VERIFY_TRANSFERS,
        VERIFY_ACCOUNTS,
        REFUSE_UPDATE,
        VERIFY_CHANGE,
        VERIFY_ACCOUNT_CHANGES,
        VERIFY_EXCHANGES,
        VERIFY_HOLD_STEPS,
        VERIFY_HOLDS,
        VERIFY_JOURNALS,
        VERIFY_TOTALS,
        VERIFY_LEDGER,
        VERIFY_PERIODS,
        VERIFY_REFUSALS,
        *TRIGGERS,
        *GRANTS,
    ):
        op.execute(statement)
