"""Answers what is asked about decisions."""

from apps.risk.store import decision_records as store
from contracts.message import Envelope
from contracts.risk import DecisionPage, DecisionRecord, GetDecision, ListDecisions
from outbox.database import Database
from outbox.responder import Refused


async def get_decision(database: Database, query: Envelope[GetDecision]) -> DecisionRecord:
    """Return one decision with its values. Raises Refused `decision_not_found`."""
    async with database.reads() as reads:
        found = await store.load_one(reads, query.data.assessment_id)
    if found is None:
        raise Refused("decision_not_found", "There is no decision about an assessment with this id.", "assessment_id")
    return found


async def list_decisions(database: Database, query: Envelope[ListDecisions]) -> DecisionPage:
    """Return a page of decisions; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_page(reads, asked, asked.limit + 1)
    shown = found[: asked.limit]
    return DecisionPage(decisions=shown, next_before=shown[-1].assessment_id if len(found) > asked.limit else None)
