"""What request bodies have in common: members nobody knows are refused, so that a typing error is not ignored money."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A request body. Every field is strict about its JSON type where pydantic would otherwise convert."""

    model_config = ConfigDict(extra="forbid", frozen=True)
