"""The wallet service: the double-entry ledger, its accounts and the transfers between them."""
