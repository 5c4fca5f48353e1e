"""Proves the books: walks the whole ledger in slices and says which row does not add up."""

from apps.wallet.audit.books import Audit, CurrencyTotal, audit

__all__ = ["Audit", "CurrencyTotal", "audit"]
