"""Answers what is asked about cases."""

from datetime import UTC, datetime
from uuid import UUID

from apps.risk.domain.case_view import shown
from apps.risk.domain.cases import Case, CaseRefusal
from apps.risk.domain.reporting import report
from apps.risk.store import cases as store
from apps.risk.store import decision_records, labels
from contracts import risk
from contracts.message import Envelope
from contracts.risk import (
    MOST_CASE_EVENTS,
    RELATED_PAYMENTS,
    CaseEventPage,
    CasePage,
    GetCase,
    GetSuspiciousActivityReport,
    ListCaseEvents,
    ListCases,
    ListDecisions,
    SuspiciousActivityReport,
)
from outbox.database import Database, Reads
from outbox.responder import Refused


async def get_case(database: Database, query: Envelope[GetCase]) -> risk.Case:
    """Return one case. Raises Refused `case_not_found`."""
    async with database.reads() as reads:
        case = await _load(reads, query.data.case_id)
    return shown(case, datetime.now(UTC))


async def list_cases(database: Database, query: Envelope[ListCases]) -> CasePage:
    """Return a page of cases; one more is read to tell whether there is another page."""
    asked, now = query.data, datetime.now(UTC)
    async with database.reads() as reads:
        found = await store.load_page(reads, asked, now, asked.limit + 1)
    cases = [shown(case, now) for case in found[: asked.limit]]
    return CasePage(cases=cases, next_after=cases[-1].id if len(found) > asked.limit else None)


async def list_case_events(database: Database, query: Envelope[ListCaseEvents]) -> CaseEventPage:
    """Return a page of what happened with a case. Raises Refused `case_not_found`."""
    asked = query.data
    async with database.reads() as reads:
        await _load(reads, asked.case_id)
        found = await store.load_events(reads, asked.case_id, asked.after, asked.limit + 1)
    events = found[: asked.limit]
    return CaseEventPage(events=events, next_after=events[-1].number if len(found) > asked.limit else None)


async def get_report(database: Database, query: Envelope[GetSuspiciousActivityReport]) -> SuspiciousActivityReport:
    """Return what there is for a suspicious activity report about a case. Raises Refused `case_not_found`."""
    async with database.reads() as reads:
        case = await _load(reads, query.data.case_id)
        events = await store.load_events(reads, case.id, 0, MOST_CASE_EVENTS)
        decision = await decision_records.load_one(reads, case.id)
        others = await _payments_of(reads, case)
        own = [case.payment_intent_id] if case.payment_intent_id else []
        known = await labels.load(reads, {*own, *(record.payment_intent_id for record in others)})
    return report(case, events, decision, others, known, datetime.now(UTC))


async def _payments_of(reads: Reads, case: Case) -> list[risk.DecisionRecord]:
    """Return the newest decisions about payments of who the case is about, one more than are shown."""
    if case.customer is None:
        return []
    asked = ListDecisions(payer=case.customer, limit=RELATED_PAYMENTS)
    return await decision_records.load_page(reads, asked, RELATED_PAYMENTS + 2)


async def _load(reads: Reads, case_id: UUID) -> Case:
    case = await store.load_one(reads, case_id)
    if case is None:
        refusal = CaseRefusal.CASE_NOT_FOUND
        raise Refused(refusal.value, refusal.detail, "case_id")
    return case
