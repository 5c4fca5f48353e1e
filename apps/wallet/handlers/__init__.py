"""What changes the ledger: one file per command."""
