"""What a client is shown of an operation: where it stands, and its outcome once there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from contracts.message import Outcome
from contracts.outcomes import KeptOutcome
from gateway.operations import OperationName
from gateway.outcomes import problem_of
from gateway.queries import Queries
from gateway.request_context import RequestContext

PROCESSING = "processing"


class Operation(BaseModel):
    """A command that was recorded: `resource` is what a 200 or 201 shows, `problem` what a refusal or decline does.

    `location` is where the resource is, `recorded_at` when the command came; the answer to the command itself knows
    neither yet.
    """

    id: str
    status: Literal["processing", "succeeded", "failed"]
    operation: str
    recorded_at: AwareDatetime | None = None
    location: str | None = None
    resource: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """One operation of one user, and how to read it."""

    name: OperationName
    user: UUID
    queries: Queries
    context: RequestContext

    async def read(self) -> dict[str, Any]:
        """Return the operation as it stands. Raises ProblemError `operation_not_found` and `unavailable`."""
        asked = self.name.asked_by(self.user)
        kept = KeptOutcome.model_validate(await self.queries.ask(asked, self.context))
        kept = await self._as_it_is_now(kept)
        at = kept.recorded_at.isoformat().replace("+00:00", "Z")
        shown: dict[str, Any] = {"id": self.name.id, "operation": self.name.name, "recorded_at": at}
        if kept.outcome is Outcome.ACCEPTED:
            return shown | {"status": PROCESSING}
        shown |= self._location(kept.resource)
        if kept.problem is None:
            return shown | {"status": "succeeded", "resource": kept.resource}
        problem = problem_of(self.name, kept.outcome, kept.problem, kept.resource)
        return shown | {"status": "failed", "problem": problem.document(self.context.correlation_id)}

    async def _as_it_is_now(self, kept: KeptOutcome) -> KeptOutcome:
        """Look at the resource where work goes on after the command was answered: as long as it does, so be it here."""
        kind = self.name.kind
        if kind.reads is None or kept.problem is not None or "id" not in kept.resource:
            return kept
        resource = await self.queries.ask(kind.reads(id=kept.resource["id"]), self.context)
        outcome = Outcome.ACCEPTED if resource["status"] in kind.goes_on_while else kept.outcome
        return kept.model_copy(update={"outcome": outcome, "resource": resource})

    def _location(self, resource: Mapping[str, Any]) -> dict[str, str]:
        location = self.name.kind.location(resource)
        return {"location": location} if location else {}
