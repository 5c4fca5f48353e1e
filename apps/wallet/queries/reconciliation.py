"""Read reconciliations and their breaks."""

from apps.wallet.domain.reconciliation import ReconciliationRefusal
from apps.wallet.domain.reconciliation_view import break_resource, reconciliation_resource
from apps.wallet.store import reconciliation
from contracts.message import Envelope
from contracts.wallet import (
    BreakPage,
    GetReconciliation,
    ListBreaks,
    ListReconciliations,
    Reconciliation,
    ReconciliationPage,
)
from outbox.database import Database
from outbox.responder import Refused


async def get_reconciliation(database: Database, query: Envelope[GetReconciliation]) -> Reconciliation:
    """Return a reconciliation. Refused with `reconciliation_not_found`."""
    async with database.reads() as reads:
        row = await reconciliation.load_shown(reads, query.data.id)
    if row is None:
        raise _not_found()
    return reconciliation_resource(row)


async def list_reconciliations(database: Database, query: Envelope[ListReconciliations]) -> ReconciliationPage:
    """Return a page of reconciliations; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        rows = await reconciliation.load_page(reads, asked.account_id, asked.before, asked.limit + 1)
    shown = [reconciliation_resource(row) for row in rows[: asked.limit]]
    return ReconciliationPage(reconciliations=shown, next_before=shown[-1].id if len(rows) > asked.limit else None)


async def list_breaks(database: Database, query: Envelope[ListBreaks]) -> BreakPage:
    """Return a page of a reconciliation's breaks. Refused with `reconciliation_not_found`."""
    asked = query.data
    async with database.reads() as reads:
        if await reconciliation.load_statement(reads, asked.reconciliation_id) is None:
            raise _not_found()
        rows = await reconciliation.load_breaks(
            reads, asked.reconciliation_id, asked.after, asked.limit + 1, unresolved=asked.unresolved
        )
    breaks = [break_resource(row) for row in rows[: asked.limit]]
    return BreakPage(breaks=breaks, next_after=breaks[-1].number if len(rows) > asked.limit else None)


def _not_found() -> Refused:
    refusal = ReconciliationRefusal.RECONCILIATION_NOT_FOUND
    return Refused(refusal.code, refusal.detail, "reconciliation_id")
