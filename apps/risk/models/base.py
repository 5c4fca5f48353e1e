"""What risk's tables share."""

from sqlalchemy import DateTime
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

MOMENT = DateTime(timezone=True)


class RiskTable(SQLModel, registry=registry()):
    """Base of the room's tables: metadata of their own, so that rooms do not share."""


metadata = RiskTable.metadata
