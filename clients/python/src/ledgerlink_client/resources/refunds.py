"""Refunds: captured money that goes back to where it came from."""

from collections.abc import Mapping
from uuid import UUID

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.payments import Refund, RefundReason
from ledgerlink_client.options import AS_USUAL, Options

_PATH = "/v1/refunds"


class Refunds:
    """The refunds of payments of which the user that asks is customer or merchant."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self,
        payment_intent: UUID | str,
        amount: int | None = None,
        *,
        reason: RefundReason | None = None,
        metadata: Mapping[str, str] | None = None,
        options: Options = AS_USUAL,
    ) -> Refund:
        """Give back a payment, all that is left of it or `amount`, as its merchant. Raises DeclinedError."""
        body = given(payment_intent=payment_intent, amount=amount, reason=reason, metadata=metadata)
        return await self._calls.command(_PATH, Refund, body, options)

    async def get(self, refund: UUID | str) -> Refund:
        """Read a refund."""
        return await self._calls.get(f"{_PATH}/{refund}", Refund)

    def list(self, *, payment_intent: UUID | str | None = None, limit: int = 20) -> Listing[Refund]:
        """List refunds, newest first; with `payment_intent` those of one payment."""
        query = {"payment_intent": payment_intent, "limit": limit}
        return Listing(self._calls, _PATH, Refund, "refunds", query=query)
