"""Payment intents: found, locked in one order, written by the batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from apps.payments.domain.intents import Attempt, Intent, Method
from apps.payments.domain.transitions import State
from contracts.message import Problem
from contracts.payments import CancellationReason, CaptureMethod, MethodType, NextAction, PaymentDirection
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_FIND = """
SELECT id, customer, merchant, direction, source_wallet, destination_wallet, method, amount, currency, capture_method,
       application_fee, description, statement_descriptor, metadata, return_url, country, state, created_at, updated_at,
       attempt, assessment_id, transfer_id, processor, next_action, last_payment_error, cancellation_reason, authorised,
       capturing, captured, final_capture, refunding, refunded, disputed, lost, hold_id, held_for, authorisation,
       capture_before, deadline_at, asked_by, awaited, hops
FROM payment_intent WHERE id = $1
"""
# Named by their own id, by an unsettled operation, by what such an operation is for, or by a dispute.
_LOCK = """
SELECT id, customer, merchant, direction, source_wallet, destination_wallet, method, amount, currency, capture_method,
       application_fee, description, statement_descriptor, metadata, return_url, country, state, created_at, updated_at,
       attempt, assessment_id, transfer_id, processor, next_action, last_payment_error, cancellation_reason, authorised,
       capturing, captured, final_capture, refunding, refunded, disputed, lost, hold_id, held_for, authorisation,
       capture_before, deadline_at, asked_by, awaited, hops
FROM payment_intent WHERE id IN (
    SELECT unnest($1::uuid[])
    UNION SELECT intent_id FROM operation WHERE id = ANY ($2::uuid[]) AND settled_at IS NULL
    UNION SELECT intent_id FROM operation
    WHERE subject_id = ANY ($3::uuid[]) AND processor IS NULL AND settled_at IS NULL
    UNION SELECT intent_id FROM dispute WHERE id = ANY ($4::uuid[]))
ORDER BY id FOR UPDATE
"""
_OVERDUE = """
SELECT id FROM payment_intent WHERE deadline_at <= $1 ORDER BY deadline_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_UNMOVED = """
SELECT id, customer, merchant, direction, source_wallet, destination_wallet, method, amount, currency, capture_method,
       application_fee, description, statement_descriptor, metadata, return_url, country, state, created_at, updated_at,
       attempt, assessment_id, transfer_id, processor, next_action, last_payment_error, cancellation_reason, authorised,
       capturing, captured, final_capture, refunding, refunded, disputed, lost, hold_id, held_for, authorisation,
       capture_before, deadline_at, asked_by, awaited, hops
FROM payment_intent
WHERE state IN ('assessing', 'reserving', 'authorising', 'capturing', 'posting', 'releasing') AND updated_at < $1
ORDER BY updated_at, id LIMIT $2
"""
_INSERT = """
INSERT INTO payment_intent
      (id, customer, merchant, direction, source_wallet, destination_wallet, method, amount, currency, capture_method,
       application_fee, description, statement_descriptor, metadata, return_url, country, created_at,
       state, attempt, assessment_id, transfer_id, asked_by, awaited, last_payment_error, deadline_at, updated_at,
       processor, hops, cancellation_reason)
SELECT id, customer, merchant, direction, source_wallet, destination_wallet, method::json, amount, currency,
       capture_method, application_fee, description, statement_descriptor, metadata::jsonb, return_url, country,
       created_at, state, attempt, assessment_id, transfer_id, asked_by::json, awaited, last_payment_error::json,
       deadline_at, updated_at, processor, hops, cancellation_reason
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::bigint[],
            $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
            $17::timestamptz[], $18::text[], $19::integer[], $20::uuid[], $21::uuid[], $22::text[], $23::boolean[],
            $24::text[], $25::timestamptz[], $26::timestamptz[], $27::text[], $28::integer[],
            $29::text[])
     AS new (id, customer, merchant, direction, source_wallet, destination_wallet, method, amount, currency,
             capture_method, application_fee, description, statement_descriptor, metadata, return_url, country,
             created_at, state, attempt, assessment_id, transfer_id, asked_by, awaited, last_payment_error, deadline_at,
             updated_at, processor, hops, cancellation_reason)
ORDER BY id
"""
_UPDATE = """
UPDATE payment_intent AS p
SET state = m.state, attempt = m.attempt, assessment_id = m.assessment_id, transfer_id = m.transfer_id,
    asked_by = m.asked_by::json, awaited = m.awaited, last_payment_error = m.last_payment_error::json,
    deadline_at = m.deadline_at, updated_at = m.updated_at, processor = m.processor, hops = m.hops,
    next_action = m.next_action::json, cancellation_reason = m.cancellation_reason, authorised = m.authorised,
    capturing = m.capturing, captured = m.captured, final_capture = m.final_capture, refunding = m.refunding,
    refunded = m.refunded, disputed = m.disputed, lost = m.lost, hold_id = m.hold_id, authorisation = m.authorisation,
    capture_before = m.capture_before, held_for = m.held_for
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::boolean[], $8::text[],
            $9::timestamptz[], $10::timestamptz[], $11::text[], $12::integer[], $13::text[], $14::text[], $15::bigint[],
            $16::bigint[], $17::bigint[], $18::boolean[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[],
            $23::uuid[], $24::text[], $25::timestamptz[], $26::text[])
     AS m (id, state, attempt, assessment_id, transfer_id, asked_by, awaited, last_payment_error, deadline_at,
           updated_at, processor, hops, next_action, cancellation_reason, authorised, capturing, captured,
           final_capture, refunding, refunded, disputed, lost, hold_id, authorisation, capture_before,
           held_for)
WHERE p.id = m.id
"""
_UPDATE_DETAILS = """
UPDATE payment_intent AS p
SET amount = m.amount, method = m.method::json, source_wallet = m.source_wallet, application_fee = m.application_fee,
    description = m.description, statement_descriptor = m.statement_descriptor, metadata = m.metadata::jsonb,
    return_url = m.return_url
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[],
            $9::text[])
     AS m (id, amount, method, source_wallet, application_fee, description, statement_descriptor, metadata, return_url)
WHERE p.id = m.id
"""
_COUNT_BY_STATE = "SELECT state, count(*) AS payments FROM payment_intent GROUP BY state"


@dataclass(slots=True)
class Names:
    """By what intents that are to be locked are named: by ids of their own, of operations, subjects and disputes."""

    intents: set[UUID] = field(default_factory=set)
    operations: set[UUID] = field(default_factory=set)
    subjects: set[UUID] = field(default_factory=set)
    disputes: set[UUID] = field(default_factory=set)


async def find(reads: Reads, intent_id: UUID) -> Intent | None:
    """Return one intent."""
    row = await reads.fetchrow(_FIND, intent_id)
    return intent_of(row) if row else None


async def lock(tx: Transaction, names: Names) -> dict[UUID, Intent]:
    """Lock the intents that exist, in id order, and return them by id."""
    named = (list(names.intents), list(names.operations), list(names.subjects), list(names.disputes))
    return {row["id"]: intent_of(row) for row in await tx.fetch(_LOCK, *named)}


async def lock_overdue(tx: Transaction, now: datetime, limit: int) -> list[UUID]:
    """Lock intents whose wait is over, the longest overdue first, without waiting for anybody; return their ids."""
    return [row["id"] for row in await tx.fetch(_OVERDUE, now, limit)]


async def insert(tx: Transaction, intents: Sequence[Intent]) -> None:
    """Add intents. Raises asyncpg.UniqueViolationError when another transaction has just taken an id."""
    if intents:
        await tx.execute(_INSERT, *columns([_whole(intent) for intent in intents], 29))


async def update(tx: Transaction, intents: Iterable[Intent]) -> None:
    """Write what moves in locked intents. The ids must differ."""
    if rows := [_moving(intent) for intent in intents]:
        await tx.execute(_UPDATE, *columns(rows, 26))


async def update_details(tx: Transaction, intents: Iterable[Intent]) -> None:
    """Write what a client may change of locked intents before they are confirmed. The ids must differ."""
    if rows := [(intent.id, *details_of(intent)) for intent in intents]:
        await tx.execute(_UPDATE_DETAILS, *columns(rows, 9))


async def count_by_state(reads: Reads) -> dict[State, int]:
    """Return how many intents stand where; reads the whole table."""
    return {State(row["state"]): row["payments"] for row in await reads.fetch(_COUNT_BY_STATE)}


async def unmoved_since(reads: Reads, instant: datetime, limit: int) -> list[Intent]:
    """Return processing intents that were last moved before `instant`, oldest first; reads the whole table."""
    return [intent_of(row) for row in await reads.fetch(_UNMOVED, instant, limit)]


def details_of(intent: Intent) -> tuple[object, ...]:
    """Return what a client may change before the confirmation, as its columns."""
    return (
        intent.amount,
        _method_json(intent.method),
        intent.source_wallet,
        intent.application_fee,
        intent.description,
        intent.statement_descriptor,
        _json(intent.metadata),
        intent.return_url,
    )


def _whole(intent: Intent) -> tuple[object, ...]:
    """Return all that commands set: a new intent may be confirmed or canceled in the batch that creates it."""
    attempt, reason = intent.attempt, intent.cancellation_reason
    return (
        intent.id,
        intent.customer,
        intent.merchant,
        intent.direction.value,
        intent.source_wallet,
        intent.destination_wallet,
        _method_json(intent.method),
        intent.amount,
        intent.currency,
        intent.capture_method.value,
        intent.application_fee,
        intent.description,
        intent.statement_descriptor,
        _json(intent.metadata),
        intent.return_url,
        intent.country,
        intent.created_at,
        intent.state.value,
        attempt.number if attempt else 0,
        attempt.assessment_id if attempt else None,
        attempt.transfer_id if attempt else None,
        intent.asked_by,
        intent.awaited,
        _model(intent.last_payment_error),
        intent.deadline_at,
        intent.updated_at,
        intent.processor,
        intent.hops,
        reason.value if reason else None,
    )


def _moving(intent: Intent) -> tuple[object, ...]:
    attempt, reason = intent.attempt, intent.cancellation_reason
    return (
        intent.id,
        intent.state.value,
        attempt.number if attempt else 0,
        attempt.assessment_id if attempt else None,
        attempt.transfer_id if attempt else None,
        intent.asked_by,
        intent.awaited,
        _model(intent.last_payment_error),
        intent.deadline_at,
        intent.updated_at,
        intent.processor,
        intent.hops,
        _model(intent.next_action),
        reason.value if reason else None,
        intent.authorised,
        intent.capturing,
        intent.captured,
        intent.final_capture,
        intent.refunding,
        intent.refunded,
        intent.disputed,
        intent.lost,
        intent.hold_id,
        intent.authorisation,
        intent.capture_before,
        intent.held_for,
    )


def _model(value: Problem | NextAction | None) -> str | None:
    return value.model_dump_json(exclude_none=True) if value else None


def _json(value: object) -> str:
    return orjson.dumps(value).decode() if value else "{}"


_WALLET = '{"type":"wallet"}'


def _method_json(method: Method | None) -> str | None:
    if method is None:
        return None
    if method.token is None:
        return _WALLET
    return orjson.dumps({"type": method.type.value, "token": method.token}).decode()


def intent_of(row: asyncpg.Record) -> Intent:
    """Return the intent of a row that has all the columns that `find` asks for."""
    error, reason, action, metadata = (
        row["last_payment_error"],
        row["cancellation_reason"],
        row["next_action"],
        row["metadata"],
    )
    return Intent(
        id=row["id"],
        customer=row["customer"],
        merchant=row["merchant"],
        direction=PaymentDirection(row["direction"]),
        source_wallet=row["source_wallet"],
        destination_wallet=row["destination_wallet"],
        method=_method(row["method"]),
        amount=row["amount"],
        currency=row["currency"],
        capture_method=CaptureMethod(row["capture_method"]),
        application_fee=row["application_fee"],
        description=row["description"],
        statement_descriptor=row["statement_descriptor"],
        metadata=orjson.loads(metadata) if metadata != "{}" else {},
        return_url=row["return_url"],
        country=row["country"],
        state=State(row["state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        attempt=Attempt(row["attempt"], row["assessment_id"], row["transfer_id"]) if row["attempt"] else None,
        processor=row["processor"],
        next_action=NextAction.model_validate_json(action) if action else None,
        last_payment_error=Problem.model_validate_json(error) if error else None,
        cancellation_reason=CancellationReason(reason) if reason else None,
        authorised=row["authorised"],
        capturing=row["capturing"],
        captured=row["captured"],
        final_capture=row["final_capture"],
        refunding=row["refunding"],
        refunded=row["refunded"],
        disputed=row["disputed"],
        lost=row["lost"],
        hold_id=row["hold_id"],
        held_for=row["held_for"],
        authorisation=row["authorisation"],
        capture_before=row["capture_before"],
        deadline_at=row["deadline_at"],
        asked_by=row["asked_by"],
        awaited=row["awaited"],
        hops=row["hops"],
    )


def _method(text: str | None) -> Method | None:
    if text is None:
        return None
    if text == _WALLET:
        return Method(MethodType.WALLET)
    value = orjson.loads(text)
    return Method(MethodType(value["type"]), value.get("token"))
