"""Answers read requests."""

from apps.wallet.queries.accounts import get_accounts, list_accounts
from apps.wallet.queries.transfers import get_transfer, list_entries

__all__ = ["get_accounts", "get_transfer", "list_accounts", "list_entries"]
