"""Reads names and birth dates for those who screen them. The answers are stored nowhere."""

from apps.identity.domain.personal_details import PersonalDetails
from apps.identity.domain.sealing import Sealer
from apps.identity.store import personal_details as store
from contracts.identity import GetScreeningSubjects, ScreeningSubject, ScreeningSubjects
from contracts.message import Envelope
from outbox.cooperation import by_and_by
from outbox.database import Database

OPENED_AT_A_TIME = 8


async def get_screening_subjects(
    sealer: Sealer, database: Database, request: Envelope[GetScreeningSubjects]
) -> ScreeningSubjects:
    """Return what users have said of themselves."""
    async with database.reads() as reads:
        found = await store.load(reads, request.data.users)
    subjects: list[ScreeningSubject] = []
    async for row in by_and_by(found, OPENED_AT_A_TIME):
        details = PersonalDetails.opened(sealer, row.personal_key, row.sealed)
        subjects.append(ScreeningSubject(user=row.user, name=details.name, birth_date=details.birth_date))
    return ScreeningSubjects(subjects=subjects)
