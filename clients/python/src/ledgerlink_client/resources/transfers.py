"""Transfers between one's own wallets, and taking them back."""

from collections.abc import Mapping
from uuid import UUID

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.models.wallets import Transfer
from ledgerlink_client.options import AS_USUAL, Options


class Transfers:
    """Money that moves from one wallet to another. Amounts are whole minor units."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self,
        debit_account: UUID | str,
        credit_account: UUID | str,
        amount: int,
        currency: str,
        *,
        metadata: Mapping[str, str] | None = None,
        options: Options = AS_USUAL,
    ) -> Transfer:
        """Move money at once between two wallets of the user that asks."""
        body = given(
            debit_account=debit_account,
            credit_account=credit_account,
            amount=amount,
            currency=currency,
            metadata=metadata,
        )
        return await self._calls.command("/v1/transfers", Transfer, body, options)

    async def get(self, transfer: UUID | str) -> Transfer:
        """Read a transfer."""
        return await self._calls.get(f"/v1/transfers/{transfer}", Transfer)

    async def reverse(
        self,
        transfer: UUID | str,
        amount: int | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        options: Options = AS_USUAL,
    ) -> Transfer:
        """Take a transfer back, all that is left of it or `amount`; only operators may."""
        body = given(amount=amount, metadata=metadata)
        return await self._calls.command(f"/v1/transfers/{transfer}/reversals", Transfer, body, options)
