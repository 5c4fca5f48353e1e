"""Disputes: a customer's bank takes a payment back, unless the merchant's evidence convinces it."""

from collections.abc import Mapping
from uuid import UUID

from ledgerlink_client.calls import Calls
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.payments import Dispute, DisputeStatus
from ledgerlink_client.options import AS_USUAL, Options

_PATH = "/v1/disputes"


class Disputes:
    """The disputes of payments of which the user that asks is customer or merchant."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(self, dispute: UUID | str) -> Dispute:
        """Read a dispute."""
        return await self._calls.get(f"{_PATH}/{dispute}", Dispute)

    def list(
        self, *, payment_intent: UUID | str | None = None, status: DisputeStatus | None = None, limit: int = 20
    ) -> Listing[Dispute]:
        """List disputes, newest first."""
        query = {"payment_intent": payment_intent, "status": status, "limit": limit}
        return Listing(self._calls, _PATH, Dispute, "disputes", query=query)

    async def submit_evidence(
        self, dispute: UUID | str, evidence: Mapping[str, str], *, options: Options = AS_USUAL
    ) -> Dispute:
        """Answer a dispute, once. Raises DeclinedError when the processor refuses the evidence."""
        return await self._calls.command(f"{_PATH}/{dispute}/evidence", Dispute, {"evidence": evidence}, options)
