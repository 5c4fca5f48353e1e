"""What has become of a command, as its owner keeps it under the client's Idempotency-Key; each service has a query."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from contracts.message import Message, Outcome, Problem


class KeptOutcome(Message):
    """A command under its Idempotency-Key: accepted while it is under way, then the final answer, as in a reply."""

    outcome: Outcome
    recorded_at: AwareDatetime
    resource: Mapping[str, Any] = Field(default_factory=dict)
    problem: Problem | None = None


class OutcomeAsked(Message):
    """Whose command is asked about: the scope of the key (who asked and what for) and the key itself.

    With a fingerprint nothing is told of another request under the same key; without one, of whichever there was.
    """

    scope: Annotated[str, Field(max_length=128)]
    key: Annotated[str, Field(min_length=1, max_length=255)]
    fingerprint: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
