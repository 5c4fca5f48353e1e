"""Decisions: written once, with all that they were made from; and what was answered at the deadline."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from apps.risk.domain.assessing import Assessment, Decision, Made
from apps.risk.domain.features.catalogue import CATALOGUE, CATALOGUE_HASH
from apps.risk.domain.features.entities import Subject
from apps.risk.domain.review import analysts_rules
from contracts.risk import FiredRule, RiskOutcome
from outbox.cooperation import by_and_by
from outbox.database import columns
from outbox.transaction import Transaction

# One batch at a time: what a batch reads of a payer is all that was decided before it, whichever replica decided.
_TURN = 7101
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_DECISIONS = """
SELECT assessment_id, payment_intent_id, payer, d.outcome, rules::text AS rules, d.decided_at, step_up, score, codes,
       approvable_amount, rule_set, v.outcome AS verdict, note, v.decided_at AS reviewed_at
FROM decision d LEFT JOIN verdict v USING (assessment_id) WHERE assessment_id = ANY($1::uuid[])
"""
# What is decided now has no array of codes longer than a rule set, and no code has a comma in it.
_SAVE = """
WITH opened AS (
    INSERT INTO review (assessment_id, payment_intent_id, source_wallet, destination_wallet, amount, currency,
                        direction, method, subject)
    SELECT * FROM unnest($17::uuid[], $18::uuid[], $19::uuid[], $20::uuid[], $21::bigint[], $22::text[], $23::text[],
                         $24::text[], $25::text[])
)
INSERT INTO decision (assessment_id, payment_intent_id, payer, outcome, rules, decided_at, request, values, rule_set,
                      model, score, step_up, codes, approvable_amount, model_part, micros, catalogue)
SELECT id, payment_intent_id, payer, outcome, rules::jsonb, decided_at, request::json, seen::json, rule_set, model,
       score, step_up, string_to_array(codes, ','), approvable_amount, model_part::json, micros, $26
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::smallint[], $12::boolean[], $13::text[], $14::bigint[], $15::text[],
            $16::integer[])
     AS made (id, payment_intent_id, payer, outcome, rules, decided_at, request, seen, rule_set, model, score, step_up,
              codes, approvable_amount, model_part, micros)
"""
_REQUESTS = "SELECT assessment_id, request::text FROM decision WHERE assessment_id = ANY($1::uuid[])"
_KEPT_DOCUMENTS = "SELECT hash FROM decision_document WHERE hash = ANY($1::text[])"
_KEEP_DOCUMENTS = """
INSERT INTO decision_document (hash, kind, document) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT DO NOTHING
"""
_KEEP_ANSWERS = """
INSERT INTO degraded_answer (assessment_id, payment_intent_id, outcome, answered_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
ON CONFLICT DO NOTHING
"""
_RULES = TypeAdapter(tuple[FiredRule, ...])
_IN_ORDER = itemgetter(*(feature.name for feature in CATALOGUE))


class Document(NamedTuple):
    """What decisions name by a hash: `kind` is catalogue, rule_set or model."""

    hash: str
    kind: str
    document: str


CATALOGUE_DOCUMENT = Document(
    CATALOGUE_HASH, "catalogue", orjson.dumps([(f.name, f.type.value) for f in CATALOGUE]).decode()
)


class DegradedAnswer(NamedTuple):
    """What was answered at the deadline about an assessment."""

    assessment_id: UUID
    payment_intent_id: UUID
    outcome: RiskOutcome
    answered_at: datetime


class Timed(NamedTuple):
    """A new decision, and how many microseconds it took."""

    made: Made
    micros: int


async def take_turn(tx: Transaction) -> None:
    """Wait until no other batch is being decided; the turn ends with the transaction."""
    await tx.fetchval(_TAKE_TURN, _TURN)


async def load(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Decision]:
    """Return the decisions about those assessments that were decided before, by assessment id; an analyst's if any."""
    return {row["assessment_id"]: _decision(row) for row in await tx.fetch(_DECISIONS, list(ids))}


async def load_subjects(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Subject]:
    """Return what was asked about payments, by assessment id; those of before requests were stored are missing."""
    rows = await tx.fetch(_REQUESTS, list(ids))
    return {row["assessment_id"]: _subject(row["assessment_id"], row["request"]) for row in rows if row["request"]}


async def save(tx: Transaction, decided: Sequence[Timed]) -> None:
    """Record new decisions, and open the reviews."""
    if not decided:
        return
    rows = [_row(made, micros) async for made, micros in by_and_by(decided)]
    reviews = [_review(made.assessment) for made, _ in decided if made.decision.outcome is RiskOutcome.REVIEW]
    await tx.execute(_SAVE, *columns(rows, 16), *columns(reviews, 9), CATALOGUE_HASH)


async def keep_documents(tx: Transaction, documents: Mapping[str, Document]) -> bool:
    """Keep documents that decisions name, by their hashes; tell whether all had been kept before."""
    kept = {row["hash"] for row in await tx.fetch(_KEPT_DOCUMENTS, list(documents))}
    missing = [document for name, document in documents.items() if name not in kept]
    if missing:
        await tx.execute(_KEEP_DOCUMENTS, *columns(missing, 3))
    return not missing


async def keep_degraded_answers(tx: Transaction, answers: Iterable[DegradedAnswer]) -> None:
    """Record what was answered at the deadline; the first answer about an assessment stays."""
    rows = [(a.assessment_id, a.payment_intent_id, a.outcome.value, a.answered_at) for a in answers]
    await tx.execute(_KEEP_ANSWERS, *columns(rows, 4))


def _row(made: Made, micros: int) -> tuple[object, ...]:
    decision, judged, ruling = made.decision, made.judged, made.ruling
    part = {"points": judged.model_points, "contributions": judged.contributions} if ruling.model else None
    return (
        decision.assessment_id,
        decision.payment_intent_id,
        decision.payer,
        decision.outcome.value,
        _RULES.dump_json(decision.rules).decode(),
        decision.decided_at,
        _request_json(made.assessment),
        orjson.dumps(_IN_ORDER(made.values)).decode(),
        decision.rule_set,
        ruling.rules.document.model,
        decision.score,
        decision.step_up,
        ",".join(decision.codes),
        decision.approvable_amount,
        None if part is None else orjson.dumps(part).decode(),
        micros,
    )


def _review(assessment: Assessment) -> tuple[object, ...]:
    subject = assessment.subject
    return (
        assessment.id,
        assessment.payment_intent_id,
        assessment.source_wallet,
        assessment.destination_wallet,
        subject.amount,
        subject.currency,
        subject.direction,
        subject.method,
        assessment.reply_to,
    )


def _request_json(assessment: Assessment) -> str:
    """Return what was asked, but for what stands in columns of its own."""
    subject = assessment.subject
    asked = {
        "payer": subject.payer,
        "amount": subject.amount,
        "currency": subject.currency,
        "asked_at": subject.asked_at,
        "direction": subject.direction,
        "method": subject.method,
        "payee": subject.payee,
        "device": subject.device,
        "address": subject.address,
        "card": subject.card,
        "country": subject.country,
        "authenticated_at": subject.authenticated_at,
        "source_wallet": assessment.source_wallet,
        "destination_wallet": assessment.destination_wallet,
    }
    return orjson.dumps({name: value for name, value in asked.items() if value is not None}).decode()


def _subject(assessment_id: UUID, request: str) -> Subject:
    asked = orjson.loads(request)
    payee, authenticated_at = asked.get("payee"), asked.get("authenticated_at")
    return Subject(
        assessment_id=assessment_id,
        payer=UUID(asked["payer"]),
        amount=asked["amount"],
        currency=asked["currency"],
        asked_at=datetime.fromisoformat(asked["asked_at"]),
        direction=asked["direction"],
        method=asked["method"],
        payee=UUID(payee) if payee else None,
        device=asked.get("device"),
        address=asked.get("address"),
        card=asked.get("card"),
        country=asked.get("country"),
        authenticated_at=datetime.fromisoformat(authenticated_at) if authenticated_at else None,
    )


def _decision(row: asyncpg.Record) -> Decision:
    identifier, payment_intent_id, payer = row["assessment_id"], row["payment_intent_id"], row["payer"]
    if row["verdict"] is not None:
        reviewed = RiskOutcome(row["verdict"])
        rules = analysts_rules(reviewed, row["note"])
        return Decision(identifier, payment_intent_id, payer, reviewed, rules, row["reviewed_at"])
    return Decision(
        assessment_id=identifier,
        payment_intent_id=payment_intent_id,
        payer=payer,
        outcome=RiskOutcome(row["outcome"]),
        rules=_RULES.validate_json(row["rules"]),
        decided_at=row["decided_at"],
        step_up=row["step_up"],
        score=row["score"],
        codes=tuple(row["codes"]),
        approvable_amount=row["approvable_amount"],
        rule_set=row["rule_set"],
    )
