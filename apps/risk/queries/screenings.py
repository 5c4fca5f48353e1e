"""Answers what is asked about screenings and sanctions lists."""

from apps.risk.domain.screening.standing import ScreeningRefusal
from apps.risk.store import sanctions_lists
from apps.risk.store import screenings as store
from contracts.identity import GetScreeningSubjects, ScreeningSubjects
from contracts.message import Envelope
from contracts.risk import (
    GetScreening,
    ListSanctionsLists,
    ListScreenings,
    SanctionsLists,
    Screening,
    ScreeningPage,
    SubjectKind,
)
from outbox.database import Database
from outbox.requester import NoAnswerError, RefusedError, Requester
from outbox.responder import Refused


async def list_screenings(database: Database, query: Envelope[ListScreenings]) -> ScreeningPage:
    """Return a page of matches; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_page(reads, asked, asked.limit + 1)
    shown = found[: asked.limit]
    return ScreeningPage(screenings=shown, next_before=shown[-1].id if len(found) > asked.limit else None)


async def get_screening(identity: Requester, database: Database, query: Envelope[GetScreening]) -> Screening:
    """Return a match with the subject's name, which only identity has of a customer; without it while it is away.

    Raises Refused `screening_not_found`.
    """
    async with database.reads() as reads:
        found = await store.load_one(reads, query.data.screening_id)
    if found is None:
        refusal = ScreeningRefusal.SCREENING_NOT_FOUND
        raise Refused(refusal.value, refusal.detail, "screening_id")
    customer, screening = found
    if screening.subject_kind is SubjectKind.BENEFICIARY:
        return screening
    try:
        answer = await identity.ask(GetScreeningSubjects(users=[customer]), ScreeningSubjects)
    except (NoAnswerError, RefusedError):
        return screening
    known = {"screened_name": s.name, "birth_date": s.birth_date} if (s := next(iter(answer.subjects), None)) else {}
    return screening.model_copy(update=known)


async def list_sanctions_lists(database: Database, _query: Envelope[ListSanctionsLists]) -> SanctionsLists:
    """Return the lists in use."""
    async with database.reads() as reads:
        lists = await sanctions_lists.load_lists(reads)
        newest = max((known.version for known in lists), default=0)
        return SanctionsLists(lists=lists, customers_waiting=await store.count_waiting(reads, newest))
