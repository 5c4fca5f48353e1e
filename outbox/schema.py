"""The tables of safe delivery, as each service's first migration installs them. A landed version never changes."""

import re
from typing import Protocol

TABLES_V1 = (
    """
    CREATE SEQUENCE outbox_position
    """,
    """
    CREATE TABLE outbox (
        position    bigint      NOT NULL DEFAULT nextval('outbox_position'),
        event_id    uuid        NOT NULL,
        stream      text        NOT NULL,
        subject     text        NOT NULL,
        envelope    json        NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
    ) PARTITION BY RANGE (recorded_at)
    """,
    """
    CREATE INDEX outbox_unsaid ON outbox (stream, position)
    """,
    """
    CREATE TABLE relay_cursor (
        stream      text        PRIMARY KEY,
        position    bigint      NOT NULL,
        incarnation timestamptz NOT NULL,
        sequence    bigint      NOT NULL
    )
    """,
    """
    CREATE TABLE inbox (
        message_id  uuid        NOT NULL,
        consumer    text        NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (message_id, consumer)
    ) PARTITION BY RANGE (message_id)
    """,
    """
    CREATE TABLE idempotency_key (
        scope       text        NOT NULL,
        key         text        NOT NULL,
        fingerprint text        NOT NULL,
        answer      json,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (scope, key)
    )
    """,
    """
    CREATE INDEX idempotency_key_age ON idempotency_key (recorded_at)
    """,
)

FIRST_UUID_V1 = """
CREATE FUNCTION first_uuid_of(day date) RETURNS uuid LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog AS $$
    SELECT (lpad(to_hex((extract(epoch FROM day) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$
"""

# Partition DDL cannot take parameters; its only inputs are dates that this function computes, quoted by format().
MAINTENANCE_V1 = """
CREATE FUNCTION maintain_delivery(outbox_days integer, inbox_days integer) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    today date := current_date;
    day   date;
    part  text;
    past  text[];
    unsaid boolean;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7001) THEN
        RETURN;
    END IF;
    FOR day IN SELECT generate_series(today - inbox_days, today + 2, interval '1 day')::date LOOP
        part := 'inbox_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.inbox FOR VALUES FROM (%L) TO (%L)',
                           part, public.first_uuid_of(day), public.first_uuid_of(day + 1));
        END IF;
    END LOOP;
    FOR day IN SELECT generate_series(today - 1, today + 2, interval '1 day')::date LOOP
        part := 'outbox_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.outbox FOR VALUES FROM (%L) TO (%L)',
                           part, day::timestamptz, (day + 1)::timestamptz);
        END IF;
    END LOOP;
    -- Gathered before the first is dropped: a partition that a running query reads cannot go.
    past := ARRAY(SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                  WHERE (i.inhparent = 'public.inbox'::regclass
                         AND c.relname < 'inbox_' || to_char(today - inbox_days, 'YYYYMMDD'))
                     OR (i.inhparent = 'public.outbox'::regclass
                         AND c.relname < 'outbox_' || to_char(today - outbox_days, 'YYYYMMDD')));
    FOREACH part IN ARRAY past LOOP
        unsaid := false;
        IF starts_with(part, 'outbox_') THEN
            -- From stream to stream, and each one's last row, through the index: the whole would take minutes to read.
            EXECUTE format('WITH RECURSIVE said (stream) AS (
                                (SELECT min(p.stream) FROM public.%1$I p)
                                UNION ALL
                                SELECT (SELECT min(p.stream) FROM public.%1$I p WHERE p.stream > said.stream)
                                FROM said WHERE said.stream IS NOT NULL)
                            SELECT coalesce(bool_or((SELECT max(p.position) FROM public.%1$I p
                                                     WHERE p.stream = said.stream) > coalesce(r.position, 0)), false)
                            FROM said LEFT JOIN public.relay_cursor r USING (stream)', part) INTO unsaid;
        END IF;
        IF NOT unsaid THEN
            EXECUTE format('DROP TABLE public.%I', part);
        END IF;
    END LOOP;
END
$$
"""

# Some at a time: all that came due within an hour would take longer than a statement may.
FORGET_KEYS_V1 = """
CREATE FUNCTION forget_idempotency_keys(most integer) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM public.idempotency_key WHERE ctid = ANY(ARRAY(
        SELECT k.ctid FROM public.idempotency_key k WHERE k.recorded_at < now() - interval '30 days'
        ORDER BY k.recorded_at LIMIT most FOR UPDATE SKIP LOCKED))
$$
"""


class _Operations(Protocol):
    def execute(self, sqltext: str) -> None: ...


GRANTS_V1 = (
    "REVOKE ALL ON FUNCTION maintain_delivery(integer, integer), forget_idempotency_keys(integer) FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT ON outbox, inbox TO {role}",
    "GRANT SELECT, INSERT, UPDATE ON relay_cursor TO {role}",
    "GRANT SELECT, INSERT, UPDATE (answer) ON idempotency_key TO {role}",
    "GRANT USAGE ON SEQUENCE outbox_position TO {role}",
    "GRANT EXECUTE ON FUNCTION maintain_delivery(integer, integer), forget_idempotency_keys(integer) TO {role}",
)


def install_v1(op: _Operations, role: str) -> None:
    """Create inbox, outbox, cursors, idempotency keys and their upkeep, with rights for the runtime `role`.

    Statement by statement: asyncpg prepares each. Raises ValueError unless `role` is a plain lower-case name, since a
    role cannot be a parameter of DDL.
    """
    if not re.fullmatch("[a-z_]+", role):
        raise ValueError(f"not a role name: {role!r}")
    for statement in (*TABLES_V1, FIRST_UUID_V1, MAINTENANCE_V1, FORGET_KEYS_V1):
        op.execute(statement)
    for grant in GRANTS_V1:
        op.execute(grant.format(role=role))
    op.execute("SELECT maintain_delivery(7, 16)")
