"""Wallets: opening and reading them, what was posted to them, and funding them."""

from uuid import UUID

from ledgerlink_client.calls import Calls, given
from ledgerlink_client.listing import Listing
from ledgerlink_client.models.wallets import Entry, Hold, Transfer, Wallet
from ledgerlink_client.options import AS_USUAL, Options


class Wallets:
    """The wallets of the user that asks; an operator's methods reach all. Amounts are whole minor units."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def open(self, currency: str, *, wallet: UUID | str | None = None, options: Options = AS_USUAL) -> Wallet:
        """Open a wallet in one currency, or add one to `wallet`."""
        return await self._calls.command("/v1/wallets", Wallet, given(currency=currency, wallet=wallet), options)

    def list(self) -> Listing[Wallet]:
        """List the wallets, oldest first."""
        return Listing(self._calls, "/v1/wallets", Wallet, "wallets", query={})

    async def get(self, wallet: UUID | str) -> Wallet:
        """Read a wallet and its balance."""
        return await self._calls.get(f"/v1/wallets/{wallet}", Wallet)

    def entries(self, wallet: UUID | str, *, limit: int = 20) -> Listing[Entry]:
        """List what was posted to a wallet, newest first, `limit` on a page."""
        return Listing(self._calls, f"/v1/wallets/{wallet}/entries", Entry, "entries", query={"limit": limit})

    def transfers(self, wallet: UUID | str, *, limit: int = 20) -> Listing[Transfer]:
        """List the transfers from and to a wallet, newest first, `limit` on a page."""
        return Listing(self._calls, f"/v1/wallets/{wallet}/transfers", Transfer, "transfers", query={"limit": limit})

    def holds(self, wallet: UUID | str, *, pending: bool = False, limit: int = 20) -> Listing[Hold]:
        """List the holds on a wallet, newest first; with `pending` only those that still reserve something."""
        query = {"pending": pending, "limit": limit}
        return Listing(self._calls, f"/v1/wallets/{wallet}/holds", Hold, "holds", query=query)

    async def top_up(
        self,
        wallet: UUID | str,
        amount: int,
        currency: str,
        *,
        processor: str | None = None,
        options: Options = AS_USUAL,
    ) -> Transfer:
        """Put money into any wallet; only operators may."""
        body = given(amount=amount, currency=currency, processor=processor)
        return await self._calls.command(f"/v1/wallets/{wallet}/top_ups", Transfer, body, options)
