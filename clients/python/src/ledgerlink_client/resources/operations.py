"""Operations: what has become of a command that was answered 202, or not at all."""

from collections.abc import Mapping

from ledgerlink_client.calls import Calls
from ledgerlink_client.errors import NoAnswerError, problem_error
from ledgerlink_client.models.operations import Operation, OperationStatus
from ledgerlink_client.retrying import retry_after

_PREFIX = "/v1/operations/"


class Operations:
    """The commands of the user that asks, for 30 days."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(self, operation: str) -> Operation:
        """Read an operation, by its id or by the `location` of a 202."""
        return await self._calls.get(_PREFIX + operation.removeprefix(_PREFIX), Operation)

    async def wait(self, operation: str, *, seconds: float = 60.0) -> Operation:
        """Wait until an operation has succeeded, and return it.

        Raises the ProblemError that it failed with, such as DeclinedError, or NoAnswerError when it takes longer.
        """
        transport = self._calls.transport
        ends, turn = transport.clock() + seconds, 0
        while True:
            turn += 1
            path = _PREFIX + operation.removeprefix(_PREFIX)
            came = await self._calls.read(path)
            found = Operation.model_validate_json(came.response.content)
            if found.status != OperationStatus.PROCESSING:
                return _succeeded(found)
            pause = transport.retries.pause(turn, retry_after(came.response.headers))
            if transport.clock() + pause >= ends:
                raise NoAnswerError(f"the operation {found.id} is still under way")
            await transport.sleep(pause)


def _succeeded(operation: Operation) -> Operation:
    if operation.status != OperationStatus.FAILED:
        return operation
    problem: Mapping[str, object] = operation.problem or {}
    status = problem.get("status")
    raise problem_error(status if isinstance(status, int) else 422, problem, {})
