"""What users have said of themselves."""

from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field

from apps.identity.models.base import IdentityTable


class PersonalDetail(IdentityTable, table=True):
    """A user's name and birth date, sealed under their key; goes when they are erased."""

    __tablename__ = "personal_detail"

    user_id: UUID = Field(primary_key=True, foreign_key="user_account.id")
    sealed: bytes = Field(sa_type=LargeBinary)
