"""Which payment intents to list, as query parameters; those of metadata are written `metadata[order]=4711`."""

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import UUID7, BaseModel, ConfigDict, Field, model_validator

from contracts.money import MAX_AMOUNT, Currency
from contracts.payments import PAGE_LIMIT, PaymentDirection, PaymentStatus
from contracts.wallet import Metadata
from gateway.instants import Instant

_PAIR = re.compile(r"metadata\[(.*)\]", re.DOTALL)
_Amount = Annotated[int | None, Field(ge=0, le=MAX_AMOUNT, description="Minor units, inclusive")]


class PaymentIntentFilters(BaseModel):
    """What the listed intents must be, all of it; and which page of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: PaymentStatus | None = None
    direction: PaymentDirection | None = None
    customer: Annotated[UUID | None, Field(description="Who pays")] = None
    currency: Currency | None = None
    amount_from: _Amount = None
    amount_to: _Amount = None
    created_from: Instant | None = None
    created_to: Annotated[Instant | None, Field(description="Exclusive")] = None
    metadata: Annotated[Metadata | None, Field(description="Pairs that it must have: `metadata[order]=4711`")] = None
    before: Annotated[UUID7 | None, Field(description="`next_before` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20

    @model_validator(mode="before")
    @classmethod
    def _gather_pairs(cls, parameters: Any) -> Any:
        """Make one member of all `metadata[...]`."""
        pairs = {pair[1]: value for name, value in parameters.items() if (pair := _PAIR.fullmatch(name))}
        others = {name: value for name, value in parameters.items() if not _PAIR.fullmatch(name)}
        return others | ({"metadata": pairs} if pairs else {})
