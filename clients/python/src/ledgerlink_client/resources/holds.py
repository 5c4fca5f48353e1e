"""Holds: money that is reserved on one wallet for another."""

from datetime import datetime
from uuid import UUID

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.models.wallets import Hold, HoldCapture
from ledgerlink_client.options import AS_USUAL, Options


class Holds:
    """Reserving money, and what becomes of it. Amounts are whole minor units."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def place(
        self,
        debit_account: UUID | str,
        credit_account: UUID | str,
        amount: int,
        currency: str,
        *,
        expires_in: int,
        options: Options = AS_USUAL,
    ) -> Hold:
        """Reserve money on a wallet of the user that asks, for `expires_in` seconds, at most 31 days."""
        body = {
            "debit_account": debit_account,
            "credit_account": credit_account,
            "amount": amount,
            "currency": currency,
            "expires_in": expires_in,
        }
        return await self._calls.command("/v1/holds", Hold, body, options)

    async def get(self, hold: UUID | str) -> Hold:
        """Read a hold."""
        return await self._calls.get(f"/v1/holds/{hold}", Hold)

    async def capture(
        self,
        hold: UUID | str,
        amount: int | None = None,
        *,
        release_rest: bool = False,
        options: Options = AS_USUAL,
    ) -> HoldCapture:
        """Move what a hold reserves, all of it or `amount`; the owner of the credit account may."""
        body = given(amount=amount, release_rest=release_rest)
        return await self._calls.command(f"/v1/holds/{hold}/captures", HoldCapture, body, options)

    async def void(self, hold: UUID | str, *, options: Options = AS_USUAL) -> Hold:
        """Give back what a hold still reserves; the owner of the credit account may."""
        return await self._calls.command(f"/v1/holds/{hold}/void", Hold, None, options)

    async def extend(self, hold: UUID | str, expires_at: datetime, *, options: Options = AS_USUAL) -> Hold:
        """Let a hold expire later; the owner of the debit account may."""
        return await self._calls.command(f"/v1/holds/{hold}/extensions", Hold, {"expires_at": expires_at}, options)
