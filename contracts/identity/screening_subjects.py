"""Names and birth dates of users, for those who screen them against sanctions lists; in no stream, ever."""

from datetime import date
from typing import Annotated

from pydantic import UUID7, Field

from contracts.message import Message, query

SCREENING_SUBJECTS_LIMIT = 100
LONGEST_PERSON_NAME = 200

PersonName = Annotated[str, Field(min_length=1, max_length=LONGEST_PERSON_NAME, pattern="^[^\x00]*$")]


class ScreeningSubject(Message):
    """What a user has said of themselves; who has said nothing, or was erased, has no name here."""

    user: UUID7
    name: PersonName | None = None
    birth_date: date | None = None


class ScreeningSubjects(Message):
    """Users, in no order; those whom nobody knows are missing."""

    subjects: list[ScreeningSubject]


@query("identity", "get_screening_subjects", senders=("risk",), answer=ScreeningSubjects)
class GetScreeningSubjects(Message):
    """Read the names and birth dates of users."""

    users: Annotated[list[UUID7], Field(min_length=1, max_length=SCREENING_SUBJECTS_LIMIT)]
