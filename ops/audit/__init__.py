"""`ledgerlink audit`: the proof of the ledger, the payments, and that each payment has its one effect."""
