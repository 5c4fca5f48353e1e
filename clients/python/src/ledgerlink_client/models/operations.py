"""Operations: what has become of a command; and the overview."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from ledgerlink_client.models.identity import User
from ledgerlink_client.models.payments import PaymentIntent
from ledgerlink_client.models.resource import Known, Resource
from ledgerlink_client.models.wallets import Wallet


class OperationStatus(StrEnum):
    """Where a command stands."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Operation(Resource):
    """A command: `resource` is what it was answered, or will be; `problem` why it ended without its effect."""

    id: str
    status: Known[OperationStatus]
    operation: str
    recorded_at: datetime | None = None
    location: str | None = None
    resource: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class MissingPart(Resource):
    """A part of the overview that could not be had, and why."""

    part: str
    code: str
    detail: str


class Overview(Resource):
    """What matters at a glance. `missing` could not be had now; `not_granted` the token does not allow."""

    profile: User | None = None
    balances: list[Wallet] | None = None
    payments: list[PaymentIntent] | None = None
    reviews: list[dict[str, Any]] | None = None
    missing: list[MissingPart] = Field(default_factory=list)
    not_granted: list[str] = Field(default_factory=list)
