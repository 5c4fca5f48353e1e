"""Which handler takes which message."""

from apps.wallet import queries
from apps.wallet.handlers.open_accounts import open_accounts
from apps.wallet.handlers.post_transfers import post_transfers
from contracts.wallet import GetAccounts, GetTransfer, ListAccounts, ListEntries
from outbox.service import Service


def subscribe(service: Service) -> None:
    """Bind every handler and query of the room."""
    service.consume("wallet-open-account", open_accounts)
    service.consume("wallet-post-transfer", post_transfers)
    service.answer(GetAccounts, queries.get_accounts)
    service.answer(ListAccounts, queries.list_accounts)
    service.answer(ListEntries, queries.list_entries)
    service.answer(GetTransfer, queries.get_transfer)
