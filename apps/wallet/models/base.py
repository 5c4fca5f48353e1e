"""What the wallet's tables share."""

from sqlalchemy import DateTime, MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

metadata = MetaData()
MOMENT = DateTime(timezone=True)


class WalletTable(SQLModel, registry=registry(metadata=metadata)):
    """A table of the wallet, on the room's own metadata."""

    metadata = metadata
