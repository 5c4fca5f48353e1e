"""What the payments' tables share."""

from typing import Any

from sqlalchemy import DateTime, text
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

MOMENT = DateTime(timezone=True)


class PaymentsTable(SQLModel, registry=registry()):
    """Base of the room's tables: metadata of their own, so that rooms do not share."""


metadata = PaymentsTable.metadata


def default(sql: str) -> dict[str, Any]:
    """Return the column option for what the database puts where nothing is said."""
    return {"server_default": text(sql)}
