"""Answers read requests."""

from apps.wallet.queries.accounts import get_accounts, list_accounts, list_chart
from apps.wallet.queries.effects import get_effects
from apps.wallet.queries.history import get_balance, get_balances, get_statement, get_trial_balance, list_periods
from apps.wallet.queries.holds import get_hold, list_holds
from apps.wallet.queries.receipts import get_receipt, get_seal_keys
from apps.wallet.queries.reconciliation import get_reconciliation, list_breaks, list_reconciliations
from apps.wallet.queries.transfers import get_journal, get_transfer, list_entries, list_transfers

__all__ = [
    "get_accounts",
    "get_balance",
    "get_balances",
    "get_effects",
    "get_hold",
    "get_journal",
    "get_receipt",
    "get_reconciliation",
    "get_seal_keys",
    "get_statement",
    "get_transfer",
    "get_trial_balance",
    "list_accounts",
    "list_breaks",
    "list_chart",
    "list_entries",
    "list_holds",
    "list_periods",
    "list_reconciliations",
    "list_transfers",
]
