"""Which handler takes which message."""

from apps.wallet.handlers.change_accounts import change_accounts
from apps.wallet.handlers.ledger_operations import EXPIRY_SECONDS, carry_out, expire_holds
from apps.wallet.handlers.open_accounts import open_accounts
from apps.wallet.queries import accounts, holds, transfers
from contracts.wallet import (
    GetAccounts,
    GetHold,
    GetJournal,
    GetTransfer,
    ListAccounts,
    ListChart,
    ListEntries,
    ListHolds,
    ListTransfers,
)
from outbox.service import Service


def subscribe(service: Service) -> None:
    """Bind every handler and query of the room."""
    service.consume("wallet-open-account", open_accounts)
    service.consume("wallet-change-account", change_accounts)
    service.consume("wallet-ledger", carry_out)
    service.every(EXPIRY_SECONDS, expire_holds)
    service.answer(GetAccounts, accounts.get_accounts)
    service.answer(ListAccounts, accounts.list_accounts)
    service.answer(ListChart, accounts.list_chart)
    service.answer(ListEntries, transfers.list_entries)
    service.answer(ListTransfers, transfers.list_transfers)
    service.answer(GetTransfer, transfers.get_transfer)
    service.answer(GetJournal, transfers.get_journal)
    service.answer(GetHold, holds.get_hold)
    service.answer(ListHolds, holds.list_holds)
