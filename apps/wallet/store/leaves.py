"""The leaves under a seal, hashed by the database: of each entry, and of each record that no sum can prove."""

import asyncpg

from apps.wallet.domain.sealing import Range
from outbox.database import Reads

# The canonical JSON of contracts.proof.SealedEntry, for both sides of a transfer.
_ENTRIES = r"""
SELECT t.id, t.sequence,
       sha256('\x00'::bytea || convert_to(
           '{"account_id":"' || t.debit_account || '","amount":' || t.amount || ',"balance_after":' || t.debit_balance
           || ',"counterparty":"' || t.credit_account || shared.members || 'debit' || shared.rest, 'UTF8')) AS debit,
       sha256('\x00'::bytea || convert_to(
           '{"account_id":"' || t.credit_account || '","amount":' || t.amount || ',"balance_after":' || t.credit_balance
           || ',"counterparty":"' || t.debit_account || shared.members || 'credit' || shared.rest, 'UTF8')) AS credit
FROM transfer t CROSS JOIN LATERAL (
    SELECT '","currency":"' || t.currency
           || '","effective_at":"' || to_char(t.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
           || '","fingerprint":"' || encode(t.fingerprint, 'hex')
           || '","hold_id":' || coalesce('"' || t.hold_id || '"', 'null')
           || ',"journal_id":' || coalesce('"' || t.journal_id || '"', 'null')
           || ',"kind":"entry","metadata":' || CASE WHEN t.metadata IS NULL THEN 'null' ELSE
               '{' || coalesce((SELECT string_agg(to_json(m.key)::text || ':' || m.value::text, ','
                                                  ORDER BY m.key COLLATE "C")
                                FROM jsonb_each(t.metadata) m), '') || '}' END
           || ',"posted_at":"' || to_char(t.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
           || '","reference":' || coalesce('"' || t.reference || '"', 'null')
           || ',"reversed_total":' || coalesce(t.reversed_total::text, 'null')
           || ',"reverses":' || coalesce('"' || t.reverses || '"', 'null')
           || ',"sequence":' || t.sequence || ',"side":"' AS members,
           '","transfer_id":"' || t.id || '"}' AS rest
    OFFSET 0  -- made once for both sides
) AS shared
WHERE t.sequence BETWEEN $1 AND $2
ORDER BY t.sequence
"""

# Of each kind of record all that never changes, in a fixed spelling.
_RECORDS = r"""
SELECT r.kind, r.key, sha256('\x00'::bytea || convert_to(
           jsonb_build_object('kind', r.kind, 'key', r.key, 'record', r.record)::text, 'UTF8')) AS leaf
FROM (
    SELECT 'account' AS kind, o.account_id::text AS key, jsonb_build_object(
        'owner', a.owner, 'kind', a.kind, 'currency', a.currency, 'type', a.type, 'wallet', a.wallet,
        'processor', a.processor, 'created_at', to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'floor', o.floor, 'ceiling', o.ceiling, 'external_id', o.external_id, 'metadata', o.metadata,
        'recorded_in', o.recorded_in) AS record
    FROM account_opening o LEFT JOIN account a ON a.id = o.account_id
    WHERE o.recorded_in >= $3 AND o.recorded_in < $4
    UNION ALL
    SELECT 'account_change', c.account_id || ' ' || c.number, jsonb_build_object(
        'recorded_in', c.recorded_in,
        'floor', c.floor, 'ceiling', c.ceiling, 'frozen', c.frozen, 'external_id', c.external_id,
        'closed_at', to_char(c.closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'metadata', c.metadata,
        'changed_by', c.changed_by, 'reason', c.reason,
        'changed_at', to_char(c.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))
    FROM account_change c WHERE c.recorded_in >= $3 AND c.recorded_in < $4
    UNION ALL
    SELECT 'hold_step', s.hold_id || ' ' || s.step, jsonb_build_object(
        'recorded_in', s.recorded_in,
        'kind', s.kind, 'amount', s.amount, 'captured', s.captured, 'remaining', s.remaining,
        'expires_at', to_char(s.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'account_id', s.account_id, 'account_step', s.account_step, 'held_after', s.held_after,
        'operation_id', s.operation_id, 'fingerprint', encode(s.fingerprint, 'hex'),
        'recorded_at', to_char(s.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'hold', (SELECT jsonb_build_object(
            'debit_account', h.debit_account, 'credit_account', h.credit_account, 'amount', h.amount,
            'currency', h.currency, 'reference', h.reference, 'fingerprint', encode(h.fingerprint, 'hex'),
            'placed_at', to_char(h.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))
            FROM hold h WHERE s.step = 1 AND h.id = s.hold_id))
    FROM hold_step s WHERE s.recorded_in >= $3 AND s.recorded_in < $4
    UNION ALL
    SELECT 'period', p.id::text, jsonb_build_object(
        'recorded_in', p.recorded_in,
        'starts_at', to_char(p.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'ends_at', to_char(p.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'closed_at', to_char(p.closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'closed_by', p.closed_by)
    FROM period p WHERE p.recorded_in >= $3 AND p.recorded_in < $4
    UNION ALL
    SELECT 'refusal', f.id::text, jsonb_build_object(
        'recorded_in', f.recorded_in,
        'reference', f.reference, 'fingerprint', encode(f.fingerprint, 'hex'), 'code', f.code, 'detail', f.detail,
        'leg', f.leg, 'refused_at', to_char(f.refused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))
    FROM refusal f WHERE f.recorded_in >= $3 AND f.recorded_in < $4
    UNION ALL
    SELECT 'journal', j.id::text, jsonb_build_object(
        'first_sequence', j.first_sequence, 'transfers', j.transfers, 'reference', j.reference, 'metadata', j.metadata,
        'fingerprint', encode(j.fingerprint, 'hex'),
        'posted_at', to_char(j.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        'exchanges', (SELECT jsonb_agg(jsonb_build_array(x.sell_transfer, x.buy_transfer, x.rate::text)
                                       ORDER BY x.sell_transfer) FROM exchange x WHERE x.journal_id = j.id))
    FROM (SELECT DISTINCT t.journal_id FROM transfer t WHERE t.sequence BETWEEN $1 AND $2) AS posted
    JOIN journal j ON j.id = posted.journal_id WHERE j.first_sequence BETWEEN $1 AND $2
) AS r
ORDER BY r.kind COLLATE "C", r.key COLLATE "C"
"""


async def load_entry_leaves(reads: Reads, part: Range) -> list[asyncpg.Record]:
    """Return `id`, `sequence`, `debit` and `credit` (the leaf hashes of both sides) of each transfer, in order."""
    return await reads.fetch(_ENTRIES, part.first, part.last)


async def load_record_leaves(reads: Reads, part: Range) -> list[asyncpg.Record]:
    """Return `kind`, `key` and `leaf` of each record, in the order in which they are leaves."""
    return await reads.fetch(_RECORDS, part.first, part.last, part.since, part.until)


async def load_leaves(reads: Reads, part: Range) -> bytes:
    """Return the leaf hashes of a range, one after the other: entries, the debit first, then records."""
    entries = await load_entry_leaves(reads, part)
    records = await load_record_leaves(reads, part)
    hashes = [leaf for row in entries for leaf in (row["debit"], row["credit"])]
    return b"".join((*hashes, *(row["leaf"] for row in records)))
