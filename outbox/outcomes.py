"""Answers what has become of a command: its row in `idempotency_key`, which commits together with the effect."""

from contracts.message import Envelope, Outcome, Reply
from contracts.outcomes import KeptOutcome, OutcomeAsked
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import KEY_REUSED

_READ = "SELECT recorded_at, fingerprint, answer FROM idempotency_key WHERE scope = $1 AND key = $2"
_UNKNOWN = "No command was recorded under this key, or it was so long ago that it is forgotten."


async def get_outcome(database: Database, query: Envelope[OutcomeAsked]) -> KeptOutcome:
    """Return the final answer that is kept, or that the command is under way.

    Refused with `operation_not_found`, and with `idempotency_key_reused` when the key is another request's.
    """
    asked = query.data
    async with database.reads() as reads:
        row = await reads.fetchrow(_READ, asked.scope, asked.key)
    if row is None:
        raise Refused("operation_not_found", _UNKNOWN, "operation_id")
    if asked.fingerprint is not None and asked.fingerprint != row["fingerprint"]:
        raise Refused(KEY_REUSED.code, KEY_REUSED.detail, KEY_REUSED.parameter)
    if row["answer"] is None:
        return KeptOutcome(outcome=Outcome.ACCEPTED, recorded_at=row["recorded_at"])
    reply = Reply.model_validate_json(row["answer"])
    return KeptOutcome(
        outcome=reply.outcome, recorded_at=row["recorded_at"], resource=reply.resource, problem=reply.problem
    )
