"""Read operations at processors: one, or a page of those whose outcome is in doubt."""

from apps.payments.domain.public_view import operation_view
from apps.payments.store import settlements
from contracts.message import Envelope
from contracts.payments import (
    GetProcessorOperation,
    ListProcessorOperations,
    ProcessorOperation,
    ProcessorOperationPage,
)
from outbox.database import Database
from outbox.responder import Refused


async def get_processor_operation(database: Database, query: Envelope[GetProcessorOperation]) -> ProcessorOperation:
    """Return an operation, however it stands. Refused with `processor_operation_not_found`."""
    async with database.reads() as reads:
        known = await settlements.find(reads, query.data.id)
    if known is None:
        raise Refused("processor_operation_not_found", "There is no such operation at a processor.", "id")
    return operation_view(known.operation, known.settlement)


async def list_processor_operations(
    database: Database, query: Envelope[ListProcessorOperations]
) -> ProcessorOperationPage:
    """Return a page of the operations whose outcome is in doubt, newest first."""
    asked = query.data
    async with database.reads() as reads:
        found = await settlements.load_in_doubt(reads, asked, asked.limit + 1)
    shown = [operation_view(operation, None) for operation in found[: asked.limit]]
    return ProcessorOperationPage(operations=shown, next_before=shown[-1].id if len(found) > asked.limit else None)
