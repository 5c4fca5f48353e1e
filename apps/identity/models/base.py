"""What the tables of the identity service have in common."""

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

metadata = MetaData()


class IdentityTable(SQLModel, registry=registry(metadata=metadata)):
    """A table of the identity service, on its own metadata."""

    metadata = metadata
