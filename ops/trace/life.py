"""Puts a life together: the messages of each request that a payment was spoken of in, and what the services keep."""

import base64
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
from nats.aio.client import Client

from apps.payments.domain.transitions import public_status
from apps.payments.store import intents, timelines
from apps.risk.store import decision_records
from apps.wallet.queries.effects import load_effects
from contracts.payments import Hop as Step
from contracts.risk import ListDecisions
from contracts.topology import DEAD_LETTERS, DURABLES
from ops.hops import Hop, hops_of, sessions_on
from ops.operator_access import connected, find_broker
from ops.service_databases import find_databases
from ops.stack.errors import StackError
from ops.trace.report import Dead, MessageLine, PaymentLife, Taken, Trace
from ops.trace.subject import MARGIN, Sessions, find_subject

STEPS = 1000
_MENTIONS = 1000
_DECISIONS = 100
_AFTER = timedelta(minutes=5)
"""So long after a payment was last spoken of in a request, others may still speak on in it."""

_MENTIONED = """
SELECT event_id, envelope->>'correlationid' AS correlation_id, recorded_at FROM outbox
WHERE recorded_at >= $1 AND recorded_at < $2 AND envelope::text LIKE '%' || $3 || '%' ORDER BY position LIMIT $4
"""
_ASKED = "SELECT id FROM operation WHERE intent_id = $1 AND processor IS NULL"
_DEAD = """
SELECT recorded_at, envelope::text AS envelope FROM outbox
WHERE stream = $1 AND recorded_at >= $2 ORDER BY position LIMIT $3
"""


@dataclass
class _Request:
    """A request that a payment was spoken of in: when, and in which messages."""

    first: datetime
    last: datetime
    mentions: set[UUID]


async def trace(data_dir: Path, identifier: str, since: datetime) -> Trace:
    """Return what an id leads to. A correlation id that is no UUID is looked for `since` an instant.

    Raises StackError when nothing is known of it, and broker's and database's errors.
    """
    async with connected(find_broker(data_dir)) as nc, sessions_on(find_databases(data_dir)) as sessions:
        subject = await find_subject(sessions, nc, identifier, since)
        payment = None
        if subject.payment:
            payment, lines = await _life(sessions, nc, subject.payment)
        else:
            correlation, start = subject.correlation_id or identifier, subject.since or since
            lines = await _lines(sessions, correlation, await hops_of(sessions, nc, correlation, start), start)
    if payment is None and not lines:
        raise StackError(
            f"nothing is known of {identifier}: no payment, refund, dispute, transfer, hold, assessment or message has "
            f"this id, and nothing was said under it since {since:%Y-%m-%d %H:%M} UTC (--since looks further back)"
        )
    return Trace(id=identifier, named=subject.named, payment=payment, messages=lines)


async def _life(sessions: Sessions, nc: Client, payment: UUID) -> tuple[PaymentLife, list[MessageLine]]:
    intent = await intents.find(sessions["payments"], payment)
    if intent is None:
        raise StackError(f"there is no payment {payment}")
    steps = await timelines.load_hops(sessions["payments"], payment, 0, STEPS)
    asked = [row["id"] for row in await sessions["payments"].fetch(_ASKED, payment)]
    known = dict.fromkeys([*asked, *([intent.hold_id] if intent.hold_id else [])])
    question = ListDecisions.model_construct(
        payment_intent_id=payment, payer=None, outcome=None, since=None, until=None, before=None
    )
    life = PaymentLife(
        id=payment,
        direction=intent.direction.value,
        amount=intent.amount,
        currency=intent.currency,
        state=intent.state.value,
        status=public_status(intent.state),
        customer=intent.customer,
        timeline=steps,
        decisions=await decision_records.load_page(sessions["risk"], question, _DECISIONS),
        ledger=await load_effects(sessions["wallet"], list(known)),
    )
    lines: dict[UUID, MessageLine] = {}
    for correlation, request in (await _requests(sessions, payment, steps)).items():
        start = request.first - MARGIN
        hops = await hops_of(sessions, nc, correlation, start, request.last + _AFTER)
        told = await _lines(sessions, correlation, _about(hops, request.mentions), start)
        lines |= {line.id: line for line in told}
    return life, sorted(lines.values(), key=lambda line: line.said_at)


async def _requests(sessions: Sessions, payment: UUID, steps: Sequence[Step]) -> dict[str, _Request]:
    """Find the requests, by correlation id, in which payments spoke of a payment: around each step of its life."""
    found: dict[str, _Request] = {}
    for start, end in _windows(steps):
        rows = await sessions["payments"].fetch(_MENTIONED, start, end, str(payment), _MENTIONS)
        for row in rows:
            at = row["recorded_at"]
            request = found.setdefault(row["correlation_id"], _Request(at, at, set()))
            request.last = max(request.last, at)
            request.mentions.add(row["event_id"])
    return found


def _windows(steps: Sequence[Step]) -> list[tuple[datetime, datetime]]:
    """Return the times around steps, those that overlap as one."""
    windows: list[tuple[datetime, datetime]] = []
    for step in sorted(steps, key=lambda s: s.at):
        start, end = step.at - MARGIN, step.at + MARGIN
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    return windows


def _about(hops: Sequence[Hop], mentions: Collection[UUID]) -> list[Hop]:
    """Return the trees of causes that a mention is in: clients may use a correlation id for several payments."""
    causes = {hop.id: hop.cause for hop in hops}

    def root(identifier: UUID) -> UUID:
        while (cause := causes.get(identifier)) in causes and cause is not None:
            identifier = cause
        return identifier

    roots = {root(hop.id) for hop in hops if hop.id in mentions}
    return [hop for hop in hops if root(hop.id) in roots]


async def _lines(sessions: Sessions, correlation: str, hops: Iterable[Hop], since: datetime) -> list[MessageLine]:
    dead = await _dead_letters(sessions, since)
    return [_line(correlation, hop, dead.get(hop.id, [])) for hop in hops]


def _line(correlation: str, hop: Hop, dead: list[Dead]) -> MessageLine:
    known = {taking.consumer for taking in hop.taken} | {letter.consumer for letter in dead}
    taken = {taking.consumer for taking in hop.taken}
    return MessageLine(
        id=hop.id,
        cause=hop.cause,
        correlation_id=correlation,
        message=hop.message.__name__,
        kind=hop.kind.value.removesuffix("s"),
        said_by=hop.said_by,
        said_at=hop.said_at,
        taken=[Taken(service=t.service, consumer=t.consumer, at=t.at) for t in hop.taken],
        dead=[letter for letter in dead if letter.consumer not in taken],
        waiting=[d.name for d in DURABLES if hop.message in d.messages and d.name not in known],
    )


async def _dead_letters(sessions: Sessions, since: datetime) -> Mapping[UUID, list[Dead]]:
    """Return the dead letters that were said since an instant, by the ids of their messages."""
    found: dict[UUID, list[Dead]] = defaultdict(list)
    for reads in sessions.values():
        for row in await reads.fetch(_DEAD, DEAD_LETTERS, since, _MENTIONS):
            letter = orjson.loads(row["envelope"])["data"]
            if identifier := _message_id(base64.b64decode(letter["payload"])):
                dead = Dead(consumer=letter["consumer"], at=row["recorded_at"], reason=letter["reason"])
                found[identifier].append(dead)
    return found


def _message_id(payload: bytes) -> UUID | None:
    try:
        return UUID(str(orjson.loads(payload)["id"]))
    except (ValueError, KeyError, TypeError):
        return None
