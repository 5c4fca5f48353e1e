"""Every SQL statement of the wallet, one file for each part of the ledger."""
